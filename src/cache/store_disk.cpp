// The part of the store that concerns the disk: watching bodies and restoring objects.

#include <algorithm>

#include "cache/store_shard.h"

namespace portcullis::cache {

bool Store::goes_to_disk(uint64_t size) const {
  return disk_ != nullptr && disk_->active() && size >= disk_->settings().min_object_size;
}

void Store::move_to_disk(const std::shared_ptr<Entry>& entry) {
  entry->body->move_to(disk_->make_file());
  watch(entry);
}

// Removes the entry from the store when its file turns out to be unusable.
void Store::watch(const std::shared_ptr<Entry>& entry) {
  entry->body->when_lost([this, weak = std::weak_ptr<const Entry>(entry)] {
    if (const EntryPointer lost = weak.lock()) remove(*lost);
  });
}

// Called by the disk's thread for each stored object, one after the other.
bool Store::restore(const DiskHead& head, std::unique_ptr<DiskFile> file) {
  const std::shared_ptr<Entry> entry = head.revive();
  if (entry == nullptr || head.length > disk_->settings().size) return false;
  const Key its = key(head.key, head.uri);
  entry->place.hash = hash_of_variant(its, *entry);
  entry->place.uri_hash = its.uri_hash;
  entry->body = std::make_shared<Body>(head.length, std::move(file), head.sums);
  watch(entry);
  {
    // A purge either finds the entry in the store, or is found in the list of purges here.
    const std::lock_guard restoring(restoring_.mutex);
    if (!outlives_purges(*entry, head)) return false;
    Locked locked(shard_of(its.uri_hash));
    Slot& slot = locked.find_or_make(its);
    auto variants = std::make_shared<Variants>();
    variants->push_back(entry);  // entries that were stored meanwhile are newer
    if (slot.variants) variants->insert(variants->end(), slot.variants->begin(), slot.variants->end());
    const bool is_known = std::any_of(variants->begin() + 1, variants->end(), [&](const EntryPointer& one) {
      return one->vary == entry->vary && one->selecting == entry->selecting;
    });
    if (is_known || variants->size() > kMaxVariants) {
      locked.forget_if_empty(slot);
      return false;
    }
    locked.discard(std::exchange(slot.variants, std::move(variants)));
    entry->place.slot = &slot;
    entries_.fetch_add(1, std::memory_order_relaxed);
    count(locked, *entry, true);
  }
  make_room_on_disk();
  make_room_in_memory(its.uri_hash);
  return true;
}

void Store::note_purge(const Purge& purge) {
  const std::lock_guard lock(restoring_.mutex);
  if (restoring_.all) return;
  if (purge.what == Purge::What::kUri) {
    const auto [at, is_new] = restoring_.uris.emplace(purge.text, purge.how);
    if (purge.how == Purge::How::kRemove) at->second = purge.how;
  } else {
    restoring_.others.push_back(purge);
  }
  restoring_.all = restoring_.uris.size() + restoring_.others.size() > kMaxRemembered;
}

// Call with the lock of `restoring_` held.
bool Store::outlives_purges(Entry& entry, const DiskHead& head) {
  if (restoring_.all) return false;
  bool removed = false;
  bool expired = false;
  const auto meet = [&](Purge::How how) { (how == Purge::How::kRemove ? removed : expired) = true; };
  if (const auto found = restoring_.uris.find(head.uri); found != restoring_.uris.end()) meet(found->second);
  for (const Purge& purge : restoring_.others) {
    const bool by_tag = purge.what == Purge::What::kTag;
    const auto& tags = head.tags;
    const bool met = by_tag ? std::find(tags.begin(), tags.end(), hash_of_tag(purge.text)) != tags.end()
                            : purge.what == Purge::What::kAll || head.uri.starts_with(purge.text);
    if (met) meet(purge.how);
  }
  if (expired && !removed) expire(entry);
  return !removed;
}

}  // namespace portcullis::cache
