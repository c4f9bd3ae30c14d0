#include "cache/store.h"

#include <xxhash.h>

#include <algorithm>
#include <random>

#include "base/hash.h"
#include "cache/store_shard.h"

namespace portcullis::cache {

using std::chrono::milliseconds;

namespace {

// About as many as the max number of objects.
size_t ghosts_of(const Disk* disk) {
  if (disk == nullptr) return 1;
  const DiskSettings& settings = disk->settings();
  const uint64_t objects = settings.size / std::max<uint64_t>(settings.min_object_size, 1);
  return static_cast<size_t>(std::clamp<uint64_t>(objects, 64, 1 << 20));
}

}  // namespace

Store::Store(uint64_t max_bytes, std::unique_ptr<Disk> disk)
    : max_bytes_(max_bytes),
      seed_(std::random_device{}()),
      disk_(std::move(disk)),
      disk_queue_(ghosts_of(disk_.get())) {
  const uint64_t ghosts = std::clamp<uint64_t>(max_bytes / kShards / 4096, 64, 64 << 10);
  for (auto& shard : shards_) shard = std::make_unique<Shard>(ghosts);
  if (disk_ == nullptr) return;
  restoring_.goes_on = true;
  disk_->begin(
      [this](const DiskHead& head, std::unique_ptr<DiskFile> file) { return restore(head, std::move(file)); },
      [this] {
        restoring_.goes_on = false;
        const std::lock_guard lock(restoring_.mutex);
        restoring_.uris.clear();
        restoring_.others.clear();
      });
}

Store::~Store() {
  stop();
}

void Store::stop() {
  if (disk_) disk_->stop();
}

Key Store::key(std::string_view text, std::string_view uri) const {
  return {text, uri, hash_bytes(text, seed_), hash_bytes(uri, seed_)};
}

// Equal in every process, because the hash is written to disk.
uint64_t Store::hash_of_tag(std::string_view tag) const {
  return XXH3_64bits(tag.data(), tag.size());
}

Store::Found Store::find(const Key& key) const {
  Shard& shard = shard_of(key.uri_hash);
  const Locked locked(shard);
  if (const Slot* slot = locked.find(key); slot != nullptr && slot->variants != nullptr)
    return {slot->variants, false};
  if (shard.unshared.empty()) return {};
  const Shard::Mark& mark = shard.unshared[key.hash % shard.unshared.size()];
  return {nullptr, mark.hash == key.hash && std::chrono::steady_clock::now() < mark.until};
}

Store::Entered Store::enter(const Key& key, const std::shared_ptr<const Variants>& seen,
                            std::string_view selecting) {
  Locked locked(shard_of(key.uri_hash));
  Slot& slot = locked.find_or_make(key);
  if (slot.variants != seen) return {Entered::Kind::kChanged, nullptr};
  for (const std::shared_ptr<Fetch>& one : slot.fetches) {
    if (!one->alone_ && !one->outdated_ && one->selecting_ == selecting) return {Entered::Kind::kWait, one};
  }
  auto fetch = std::make_shared<Fetch>();
  fetch->selecting_ = selecting;
  fetch->purges_ = tag_purges_.load(std::memory_order_relaxed);
  slot.fetches.push_back(fetch);
  return {Entered::Kind::kBegin, std::move(fetch)};
}

std::shared_ptr<Fetch> Store::enter_alone(const Key& key) {
  auto fetch = std::make_shared<Fetch>();
  fetch->alone_ = true;
  fetch->purges_ = tag_purges_.load(std::memory_order_relaxed);
  Locked locked(shard_of(key.uri_hash));
  locked.find_or_make(key).fetches.push_back(fetch);
  return fetch;
}

uint64_t Store::hash_of_variant(const Key& key, const Entry& entry) {
  return hash_bytes(entry.selecting, key.hash);
}

void Store::stored(const Key& key, const std::shared_ptr<Fetch>& fetch, const std::shared_ptr<Entry>& entry) {
  entry->place.hash = hash_of_variant(key, *entry);
  entry->place.uri_hash = key.uri_hash;
  bool is_there = false;
  {
    Locked locked(shard_of(key.uri_hash));
    Slot& slot = locked.find_or_make(key);
    std::erase(slot.fetches, fetch);
    // The validated body's file may have been lost or discarded meanwhile.
    const bool outdated =
        fetch->outdated_ || entry->body->is_lost() || entry->body->is_discarded() ||
        (!entry->tags.empty() && fetch->purges_ != tag_purges_.load(std::memory_order_relaxed));
    if (outdated) {
      locked.forget_if_empty(slot);
    } else {
      auto variants = std::make_shared<Variants>();
      if (slot.variants) {
        bool has_surplus = slot.variants->size() >= kMaxVariants;
        for (const EntryPointer& one : *slot.variants) {
          const bool replaced = one->vary == entry->vary && one->selecting == entry->selecting;
          if (replaced || has_surplus) {
            // A validation creates an entry with a new head and the old body.
            take_out(locked, *one, one->body == entry->body ? Its::kAnothers : Its::kDiscarded);
            has_surplus = false;
          } else {
            variants->push_back(one);
          }
        }
      }
      variants->push_back(entry);
      locked.discard(std::exchange(slot.variants, std::move(variants)));
      entry->place.slot = &slot;
      entries_.fetch_add(1, std::memory_order_relaxed);
      is_there = true;
    }
  }
  fetch->entry_ = entry;
  fetch->end(Fetch::Outcome::kStored);
  if (!is_there || entry->body->state() != Body::State::kComplete) return;
  if (entry->body->on_disk()) watch(entry);
  completed(*entry);
}

// Removes the entry from lists and counts; the caller changes the slot's variants.
void Store::take_out(Locked& locked, const Entry& entry, Its body) {
  if (entry.place.slot == nullptr) return;
  entry.place.slot = nullptr;
  uncount(locked, entry);
  entries_.fetch_sub(1, std::memory_order_relaxed);
  if (entry.body->on_disk() && body == Its::kDiscarded) entry.body->discard();
}

void Store::not_shared(const Key& key, const std::shared_ptr<Fetch>& fetch, milliseconds remember) {
  {
    Locked locked(shard_of(key.uri_hash));
    locked.drop_fetch(key, fetch);
    auto& marks = locked.shard.unshared;
    if (marks.empty()) marks.resize(Shard::kMarks);
    marks[key.hash % marks.size()] = {key.hash, std::chrono::steady_clock::now() + remember};
  }
  fetch->end(Fetch::Outcome::kNotShared);
}

void Store::failed(const Key& key, const std::shared_ptr<Fetch>& fetch, uint16_t status,
                   const telemetry::EndReason& why) {
  Locked(shard_of(key.uri_hash)).drop_fetch(key, fetch);
  fetch->status_ = status;
  fetch->why_ = &why;
  fetch->end(Fetch::Outcome::kFailed);
}

void Store::abandoned(const Key& key, const std::shared_ptr<Fetch>& fetch) {
  Locked(shard_of(key.uri_hash)).drop_fetch(key, fetch);
  fetch->end(Fetch::Outcome::kAbandoned);
}

std::unique_ptr<Filling> Store::fill(std::shared_ptr<Entry> entry, std::optional<uint64_t> length,
                                     uint64_t limit) {
  const uint64_t expected = length.value_or(0);
  const bool has_disk = disk_ != nullptr && disk_->active();
  uint64_t max = limit;
  if (has_disk) {
    max = std::min({limit, disk_->settings().max_object_size, disk_->settings().size});
  } else if (limit == kNoLimit) {
    max = kMaxInMemory;
  }
  if (expected > max) return nullptr;
  const bool to_disk = goes_to_disk(expected);
  const uint64_t takes = to_disk ? taken_by_one_on_disk() : expected;
  if (filling_.load(std::memory_order_relaxed) + takes > max_bytes_ / 2) return nullptr;
  if (to_disk) {
    entry->body = std::make_shared<Body>(length, disk_->make_file());
    watch(entry);
  } else {
    entry->body = std::make_shared<Body>(length);
  }
  return std::make_unique<Filling>(*this, std::move(entry), max);
}

void Store::completed(const Entry& entry) {
  const bool on_disk = entry.body->on_disk();
  std::optional<DiskHead> head;
  {
    Locked locked(shard_of(entry.place.uri_hash));
    const Slot* const slot = entry.place.slot;
    if (slot != nullptr) {
      count(locked, entry, false);
      if (on_disk) head = DiskHead::of(entry, slot->key, slot->uri->text);
    }
  }
  if (on_disk && head) entry.body->keep_as(std::move(*head));
  if (on_disk && !head) return entry.body->discard();  // the entry has been purged meanwhile
  if (on_disk) make_room_on_disk();
  make_room_in_memory(entry.place.uri_hash);
}

void Store::remove(const Entry& entry) {
  Locked locked(shard_of(entry.place.uri_hash));
  Slot* const slot = entry.place.slot;
  if (slot == nullptr) return;
  take_out(locked, entry);
  auto left = std::make_shared<Variants>(*slot->variants);
  std::erase_if(*left, [&](const EntryPointer& one) { return one.get() == &entry; });
  if (left->empty()) left = nullptr;
  locked.discard(std::exchange(slot->variants, std::move(left)));
  locked.forget_if_empty(*slot);
}

StoreState Store::state() const {
  const auto read = [](const std::atomic<uint64_t>& number) {
    return number.load(std::memory_order_relaxed);
  };
  StoreState out{.bytes = read(bytes_),
                 .max_bytes = max_bytes_,
                 .entries = read(entries_),
                 .filling_bytes = read(filling_),
                 .evictions = read(evictions_),
                 .purged = read(purged_)};
  if (disk_ == nullptr) return out;
  const DiskCounts& counts = disk_->counts();
  out.disk = {.bytes = read(disk_bytes_),
              .max_bytes = disk_->settings().size,
              .entries = read(disk_entries_),
              .evictions = read(disk_evictions_),
              .read_bytes = read(counts.read),
              .written_bytes = read(counts.written),
              .restored = read(counts.restored),
              .damaged = read(counts.damaged),
              .failed = read(counts.failed)};
  return out;
}

}  // namespace portcullis::cache
