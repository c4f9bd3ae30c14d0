// What the stored responses take, and which go when there is no more room.

#include "cache/store_shard.h"

namespace portcullis::cache {

// It is whole: from now on it counts, and may be evicted. `proven`: it has been there before.
void Store::count(Locked& locked, const Entry& entry, bool proven) {
  const bool on_disk = entry.body->on_disk();
  const size_t head = entry.head_cost();
  const size_t body = static_cast<size_t>(entry.body->size());
  locked.shard.queue_of(entry).add(entry.place, on_disk ? body : head + body, proven);
  bytes_.fetch_add(on_disk ? head : head + body, std::memory_order_relaxed);
  if (!on_disk) return;
  disk_bytes_.fetch_add(body, std::memory_order_relaxed);
  disk_heads_.fetch_add(head, std::memory_order_relaxed);
  disk_entries_.fetch_add(1, std::memory_order_relaxed);
}

void Store::uncount(const Entry& entry) {
  if (!entry.body->on_disk()) {
    bytes_.fetch_sub(entry.place.cost, std::memory_order_relaxed);
    return;
  }
  bytes_.fetch_sub(entry.head_cost(), std::memory_order_relaxed);
  disk_bytes_.fetch_sub(entry.place.cost, std::memory_order_relaxed);
  disk_heads_.fetch_sub(entry.head_cost(), std::memory_order_relaxed);
  disk_entries_.fetch_sub(1, std::memory_order_relaxed);
}

bool Store::is_full(Tier tier) const {
  if (tier == Tier::kMemory) return bytes_.load(std::memory_order_relaxed) > most_bytes_;
  // The heads of what is on disk are to leave memory for the rest.
  return disk_bytes_.load(std::memory_order_relaxed) > disk_->settings().most_bytes ||
         disk_heads_.load(std::memory_order_relaxed) > most_bytes_ / 2;
}

// No room for what is being received.
bool Store::is_full(const Entry& entry) const {
  if (entry.body->on_disk() && is_full(Tier::kDisk)) return true;
  return filling_.load(std::memory_order_relaxed) > most_bytes_ / 2;
}

// From the shards that have more than their share, of which there is one when all have too much together:
// first from the one that has got something. Then, where much is on its way that is in none yet, from any.
void Store::make_room(Tier tier, uint64_t uri_hash) {
  make_room(tier, uri_hash, false);
  make_room(tier, uri_hash, true);
}

void Store::make_room(Tier tier, uint64_t uri_hash, bool from_all) {
  const bool disk = tier == Tier::kDisk;
  const uint64_t share = from_all ? 0 : (disk ? disk_->settings().most_bytes : most_bytes_) / kShards;
  size_t next = uri_hash % kShards;
  for (size_t content = 0; is_full(tier) && content < kShards;) {
    Shard& shard = *shards_[next % kShards];
    EntryPointer victim;
    {
      Locked locked(shard);
      S3Fifo& queue = disk ? shard.disk : shard.memory;
      Place* const place = queue.cost() > share ? queue.evict() : nullptr;
      if (place == nullptr) {
        ++content;
        ++next;
        continue;
      }
      uncount(place->entry);
      for (const EntryPointer& one : *place->slot->variants) {
        if (one.get() == &place->entry) victim = one;
      }
    }
    content = 0;
    remove(*victim);
    (disk ? disk_evictions_ : evictions_).fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace portcullis::cache
