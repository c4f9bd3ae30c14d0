#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "upstream/breaker_limits.h"

namespace portcullis::upstream {

class ConnectionQueue;

// An upstream's circuit breaker: counts the current load. Shared by all workers and kept over reloads;
// counting takes no lock. Any thread.
class Breaker {
 public:
  // One unit of load, counted until it is destroyed. An empty slot counts nothing.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept : breaker_(std::exchange(other.breaker_, nullptr)), load_(other.load_) {}
    Slot& operator=(Slot&& other) noexcept {
      if (this != &other) {
        release();
        breaker_ = std::exchange(other.breaker_, nullptr);
        load_ = other.load_;
      }
      return *this;
    }
    ~Slot() { release(); }

   private:
    friend class Breaker;
    Slot(Breaker& breaker, Load load) : breaker_(&breaker), load_(load) {}
    void release() {
      if (breaker_ != nullptr) std::exchange(breaker_, nullptr)->give_back(load_);
    }

    Breaker* breaker_ = nullptr;
    Load load_ = Load::kRequests;
  };

  // Takes one more unit, or returns nothing when the limit is reached. Loads without a limit are not counted,
  // except kPending.
  std::optional<Slot> take(Load load, const BreakerLimits& limits);
  // Records that a request was refused because of this load. take() records that itself, except for
  // connections, which a request may wait for.
  void note_refused(Load load) { count(load).refused.fetch_add(1, std::memory_order_relaxed); }

  uint32_t in_use(Load load) const { return count(load).in_use.load(std::memory_order_relaxed); }
  uint64_t refused(Load load) const { return count(load).refused.load(std::memory_order_relaxed); }

  // Registers a worker's queue of requests that wait for a connection. Takes a lock, so call it only when
  // upstreams are created and destroyed.
  void join(ConnectionQueue& queue);
  void leave(ConnectionQueue& queue);
  // Called when requests in `asking` wait: each other worker closes one idle connection, if it has any. Takes
  // a lock, as returning a connection does while requests wait.
  void ask_others_for_idle(const ConnectionQueue& asking);

 private:
  struct alignas(64) Count {
    std::atomic<uint32_t> in_use{0};
    std::atomic<uint64_t> refused{0};
  };
  Count& count(Load load) { return counts_[static_cast<size_t>(load)]; }
  const Count& count(Load load) const { return counts_[static_cast<size_t>(load)]; }
  void give_back(Load load);
  friend class ConnectionQueue;
  // Wakes a waiting request, because a connection may be opened.
  void wake_one(const ConnectionQueue* except);

  std::array<Count, kLoads> counts_;
  std::mutex mutex_;
  std::vector<ConnectionQueue*> queues_;
  size_t next_ = 0;  // index of the next queue to wake
};

}  // namespace portcullis::upstream
