// Accounts for the space of stored responses, and evicts responses when space runs out.

#include <algorithm>

#include "cache/store_shard.h"

namespace portcullis::cache {

// Called when the entry is complete: from now on it counts, and may be evicted. `proven`: it was in the cache
// before.
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

// Removes the entry from the counts, if it is counted.
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

// Called when no queue contains the entry any more.
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
  // The heads of bodies on disk may take half of the memory.
  return disk_bytes_.load(std::memory_order_relaxed) > disk_->settings().size ||
         disk_heads_.load(std::memory_order_relaxed) > max_bytes_ / 2;
}

// True when there is no space for the body that is being received.
bool Store::takes_no_more(const Entry& entry) const {
  if (entry.body->on_disk() && disk_is_full()) return true;
  return filling_.load(std::memory_order_relaxed) > max_bytes_ / 2;
}

// Evicts from shards that exceed their share of the memory; when the total is too large, at least one shard
// does. Starts with the shard that has received an entry.
void Store::make_room_in_memory(uint64_t uri_hash) {
  // The memory for the heads of bodies on disk is not shared out to shards.
  const uint64_t heads = std::min(disk_heads_.load(std::memory_order_relaxed), max_bytes_);
  const uint64_t share = (max_bytes_ - heads) / kShards;
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
      if (place == nullptr) return;  // the remaining bodies are still being received
      note_gone(place->entry);
      // Keeps the victim alive, even if another thread takes it out of its shard meanwhile.
      victim = place->entry.shared_from_this();
    }
    remove(*victim);
    disk_evictions_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace portcullis::cache
