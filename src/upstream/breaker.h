#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/enum_names.h"

namespace portcullis::upstream {

class ConnectionQueue;

// What an upstream may be burdened with at once, by all workers together.
enum class Load : uint8_t { kConnections, kPending, kRequests, kRetries };
constexpr auto names_of(Load) {
  return std::to_array<EnumName<Load>>({{Load::kConnections, "connections"},
                                        {Load::kPending, "pending"},
                                        {Load::kRequests, "requests"},
                                        {Load::kRetries, "retries"}});
}
inline constexpr size_t kLoads = 4;

// The most of each; 0: no limit.
struct BreakerLimits {
  std::array<uint32_t, kLoads> most{};

  uint32_t of(Load load) const { return most[static_cast<size_t>(load)]; }
  bool any() const { return most != std::array<uint32_t, kLoads>{}; }
  bool operator==(const BreakerLimits&) const = default;
};

// An upstream's circuit breaker: counts what it bears now. Shared by all workers and living through reloads;
// counting takes no lock. Any thread.
class Breaker {
 public:
  // One of what is counted, until it is destroyed. An empty one counts nothing.
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

  // One more, or nothing when there are as many as the limits allow. What has no limit is not counted, but
  // for those who wait.
  std::optional<Slot> take(Load load, const BreakerLimits& limits);
  // Somebody was turned away for this; as take() says itself, but for connections, which one may wait for.
  void note_refused(Load load) { count(load).refused.fetch_add(1, std::memory_order_relaxed); }

  uint32_t in_use(Load load) const { return count(load).in_use.load(std::memory_order_relaxed); }
  uint64_t refused(Load load) const { return count(load).refused.load(std::memory_order_relaxed); }

  // The workers' queues of those who wait for a connection. Takes a lock: for when upstreams come and go.
  void join(ConnectionQueue& queue);
  void leave(ConnectionQueue& queue);
  // `asking` waits, and other workers may have connections that do nothing: they close one each. Takes a
  // lock, as giving a connection back does while somebody waits.
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
  // There is a place for a connection.
  void wake_one(const ConnectionQueue* except);

  std::array<Count, kLoads> counts_;
  std::mutex mutex_;
  std::vector<ConnectionQueue*> queues_;
  size_t next_ = 0;  // of the queues, to be woken
};

}  // namespace portcullis::upstream
