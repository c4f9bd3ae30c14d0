// What the stored responses take, and which go when there is no more room.

#include <algorithm>

#include "cache/store_shard.h"

namespace portcullis::cache {

// It is whole: from now on it counts, and may be evicted. `proven`: it has been there before.
void Store::count(Locked& locked, const Entry& entry, bool proven) {
  const size_t head = entry.head_cost();
  const size_t body = static_cast<size_t>(entry.body->size());
  if (!entry.body->on_disk()) {
    locked.shard.queue.add(entry.place, head + body, proven);
    bytes_.fetch_add(head + body, std::memory_order_relaxed);
    return;
  }
  bytes_.fetch_add(head, std::memory_order_relaxed);
  disk_bytes_.fetch_add(body, std::memory_order_relaxed);
  disk_heads_.fetch_add(head, std::memory_order_relaxed);
  disk_entries_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(disk_mutex_);
  disk_queue_.add(entry.place, body, proven);
}

// It does not count any more, if it has.
void Store::uncount(Locked& locked, const Entry& entry) {
  const auto counted = [&] { return entry.place.queue != Place::Queue::kNone; };
  if (!entry.body->on_disk()) {
    if (!counted()) return;
    locked.shard.queue.remove(entry.place);
    return note_gone(entry);
  }
  const std::lock_guard lock(disk_mutex_);
  if (!counted()) return;
  disk_queue_.remove(entry.place);
  note_gone(entry);
}

// No queue has it now.
void Store::note_gone(const Entry& entry) {
  const size_t cost = entry.place.cost;
  if (!entry.body->on_disk()) {
    bytes_.fetch_sub(cost, std::memory_order_relaxed);
    return;
  }
  bytes_.fetch_sub(entry.head_cost(), std::memory_order_relaxed);
  disk_bytes_.fetch_sub(cost, std::memory_order_relaxed);
  disk_heads_.fetch_sub(entry.head_cost(), std::memory_order_relaxed);
  disk_entries_.fetch_sub(1, std::memory_order_relaxed);
}

bool Store::disk_is_full() const {
  // The heads of what is on disk are to leave memory for the rest.
  return disk_bytes_.load(std::memory_order_relaxed) > disk_->settings().most_bytes ||
         disk_heads_.load(std::memory_order_relaxed) > most_bytes_ / 2;
}

// No room for what is being received.
bool Store::takes_no_more(const Entry& entry) const {
  if (entry.body->on_disk() && disk_is_full()) return true;
  return filling_.load(std::memory_order_relaxed) > most_bytes_ / 2;
}

// From the shards that have more than their share, of which there is one when all have too much together:
// first from the one that has got something.
void Store::make_room_in_memory(uint64_t uri_hash) {
  // What the heads of bodies on disk take is no shard's.
  const uint64_t heads = std::min(disk_heads_.load(std::memory_order_relaxed), most_bytes_);
  const uint64_t share = (most_bytes_ - heads) / kShards;
  size_t next = uri_hash % kShards;
  for (size_t content = 0; memory_is_full() && content < kShards;) {
    Shard& shard = *shards_[next % kShards];
    EntryPointer victim;
    {
      Locked locked(shard);
      Place* const place = shard.queue.cost() > share ? shard.queue.evict() : nullptr;
      if (place == nullptr) {
        ++content;
        ++next;
        continue;
      }
      note_gone(place->entry);
      victim = place->entry.shared_from_this();
    }
    content = 0;
    remove(*victim);
    evictions_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Store::make_room_on_disk() {
  while (disk_is_full()) {
    EntryPointer victim;
    {
      const std::lock_guard lock(disk_mutex_);
      Place* const place = disk_queue_.evict();
      if (place == nullptr) return;  // the rest is on its way
      note_gone(place->entry);
      // Whoever takes it out of its shard meanwhile has it until the queue has let it go.
      victim = place->entry.shared_from_this();
    }
    remove(*victim);
    disk_evictions_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace portcullis::cache
