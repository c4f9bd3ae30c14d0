// Purging: ends stored responses before their time.

#include <algorithm>

#include "base/hash.h"
#include "cache/store_shard.h"

namespace portcullis::cache {

// Makes the entry stale from now on, also after a restart.
void Store::expire(const Entry& entry) {
  const auto age = entry.age(now());
  const auto lived = age == Age::kUnknown ? milliseconds(0) : age;
  if (entry.lifetime.load(std::memory_order_relaxed) <= lived.count()) return;
  entry.lifetime.store(lived.count(), std::memory_order_relaxed);
  if (entry.body->on_disk()) entry.body->change_lifetime(lived);
}

void Store::purge_slot(Locked& locked, Slot& slot, const Purge& purge, uint64_t tag, uint64_t& met) {
  const auto meets = [&](const Entry& entry) {
    return purge.what != Purge::What::kTag ||
           std::find(entry.tags.begin(), entry.tags.end(), tag) != entry.tags.end();
  };
  if (purge.what != Purge::What::kTag) {
    for (const std::shared_ptr<Fetch>& fetch : slot.fetches) fetch->outdated_ = true;
  }
  if (!slot.variants) return;
  auto left = std::make_shared<Variants>();
  for (const EntryPointer& one : *slot.variants) {
    if (!meets(*one)) {
      left->push_back(one);
      continue;
    }
    ++met;
    if (purge.how == Purge::How::kRemove) {
      take_out(locked, *one);
      continue;
    }
    left->push_back(one);
    expire(*one);
  }
  if (left->size() == slot.variants->size()) return;
  if (left->empty()) left = nullptr;
  locked.discard(std::exchange(slot.variants, std::move(left)));
}

uint64_t Store::purge(const Purge& purge) {
  if (restoring_.goes_on) note_purge(purge);
  uint64_t met = 0;
  const uint64_t tag = hash_of_tag(purge.text);
  if (purge.what == Purge::What::kTag) tag_purges_.fetch_add(1, std::memory_order_relaxed);
  if (purge.what == Purge::What::kUri) {
    const uint64_t hash = hash_bytes(purge.text, seed_);
    Locked locked(shard_of(hash));
    const auto found = locked.shard.uris.find({purge.text, hash});
    if (found != locked.shard.uris.end()) {
      Uri& uri = *found->second;
      std::vector<Slot*> slots;
      uri.slots.for_each([&](Slot& slot) { slots.push_back(&slot); });
      for (Slot* slot : slots) purge_slot(locked, *slot, purge, tag, met);
      for (Slot* slot : slots) locked.forget_if_empty(*slot);
    }
  } else {
    for (const auto& shard : shards_) {
      Locked locked(*shard);
      std::vector<Slot*> slots;
      for (const auto& [text, slot] : shard->slots) {
        if (purge.what == Purge::What::kPrefix && !slot->uri->text.starts_with(purge.text)) continue;
        slots.push_back(slot.get());
      }
      for (Slot* slot : slots) purge_slot(locked, *slot, purge, tag, met);
      for (Slot* slot : slots) locked.forget_if_empty(*slot);
    }
  }
  purged_.fetch_add(met, std::memory_order_relaxed);
  return met;
}

}  // namespace portcullis::cache
