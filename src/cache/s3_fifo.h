#pragma once

#include <cstdint>
#include <vector>

#include "base/intrusive_list.h"
#include "cache/entry.h"

namespace portcullis::cache {

// Chooses the entries to evict: S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
// 2023). New entries wait in a small queue. Entries that are used again there move to the main queue; the
// others are evicted, and their hashes are remembered for a while, so that they enter the main queue at once
// if they return. A hit only counts and does not change a queue. Sizes are in bytes. Not thread-safe: the
// caller locks.
class S3Fifo {
 public:
  // `ghosts`: how many evicted hashes are remembered.
  explicit S3Fifo(size_t ghosts) : max_ghosts_(ghosts) {}

  // Adds an entry that takes `cost` bytes. With `proven` the entry goes to the main queue at once.
  void add(Place& place, size_t cost, bool proven = false);
  void remove(Place& place);
  // Removes the entry to evict and returns it; null when there are no entries.
  Place* evict();

  size_t cost() const { return small_cost_ + main_cost_; }

 private:
  using List = IntrusiveList<Place, Place>;
  static constexpr size_t kSmallShare = 10;  // the small queue has this fraction (a tenth) of the bytes

  void put(Place& place, Place::Queue queue);
  void remember(uint64_t hash);

  List small_;
  List main_;
  size_t small_cost_ = 0;
  size_t main_cost_ = 0;
  const size_t max_ghosts_;
  // By hash; a later hash overwrites an earlier one. Empty until the first is remembered: a cache that is
  // never full takes no memory for it.
  std::vector<uint64_t> ghosts_;
};

inline void S3Fifo::put(Place& place, Place::Queue queue) {
  place.queue = queue;
  const bool small = queue == Place::Queue::kSmall;
  (small ? small_ : main_).push_back(place);
  (small ? small_cost_ : main_cost_) += place.cost;
}

inline void S3Fifo::remember(uint64_t hash) {
  if (ghosts_.empty()) ghosts_.resize(max_ghosts_);
  ghosts_[hash % ghosts_.size()] = hash;
}

inline void S3Fifo::add(Place& place, size_t cost, bool proven) {
  place.cost = cost;
  const bool known = !ghosts_.empty() && ghosts_[place.hash % ghosts_.size()] == place.hash;
  put(place, known || proven ? Place::Queue::kMain : Place::Queue::kSmall);
}

inline void S3Fifo::remove(Place& place) {
  if (place.queue == Place::Queue::kNone) return;
  (place.queue == Place::Queue::kSmall ? small_cost_ : main_cost_) -= place.cost;
  place.queue = Place::Queue::kNone;
  place.unlink();
}

inline Place* S3Fifo::evict() {
  for (;;) {
    const bool small = !small_.empty() && (main_.empty() || small_cost_ * kSmallShare >= cost());
    if (!small && main_.empty()) return nullptr;
    Place& place = small ? small_.front() : main_.front();
    remove(place);
    std::atomic<uint8_t>& uses = place.entry.uses;
    const uint8_t used = uses.load(std::memory_order_relaxed);
    if (small && used > 1) {
      uses.store(0, std::memory_order_relaxed);
      put(place, Place::Queue::kMain);
    } else if (!small && used > 0) {
      uses.store(used - 1, std::memory_order_relaxed);
      put(place, Place::Queue::kMain);
    } else {
      if (small) remember(place.hash);
      return &place;
    }
  }
}

}  // namespace portcullis::cache
