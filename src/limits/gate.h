#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "crypto/digest.h"
#include "runtime/event_loop.h"

namespace portcullis::limits {

// How many requests may be inside a gate at the same time.
struct GateLimit {
  uint64_t max = 1;        // the limit; of an adaptive limit its max
  uint64_t min = 0;        // min of an adaptive limit; 0: the limit is fixed
  double tolerance = 1.5;  // an adaptive limit falls when the latency exceeds the usual one by this factor
};

// Limits concurrency. Shared by the workers, without a lock. An adaptive limit follows the ratio of the usual
// latency to the current one (after Netflix's concurrency-limits): requests that take longer than usual
// indicate a queue behind the gate, so fewer requests are admitted.
class Gate {
 public:
  // Changes the limit; requests inside stay inside. Control thread.
  void set_limit(const GateLimit& limit);

  bool try_enter() {
    uint32_t inside = inside_.load(std::memory_order_relaxed);
    while (inside < limit_.load(std::memory_order_relaxed)) {
      if (inside_.compare_exchange_weak(inside, inside + 1, std::memory_order_acq_rel)) return true;
    }
    if (!refused_.load(std::memory_order_relaxed)) refused_.store(true, std::memory_order_relaxed);
    return false;
  }
  // Returns what try_enter() would return, without entering.
  bool has_room() const { return inside() < limit(); }
  void leave() { inside_.fetch_sub(1, std::memory_order_acq_rel); }
  // Records how long a request was inside. Any thread.
  void note_latency(std::chrono::microseconds latency, Clock::time_point now);

  uint32_t inside() const { return inside_.load(std::memory_order_relaxed); }
  uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }

  std::atomic<uint32_t> waiting{0};          // requests that wait for admission, on all workers
  std::atomic<uint64_t> waiting_workers{0};  // one bit for each worker (modulo 64) that has waiting requests

 private:
  void adapt(Clock::time_point now);

  std::atomic<uint32_t> inside_{0};
  std::atomic<uint32_t> limit_{1};
  std::atomic<bool> adaptive_{false};
  std::atomic<bool> refused_{false};  // a request was refused since the last change of the limit
  // For an adaptive limit: the samples since the last change, and data that only the thread holding the flag
  // uses.
  static constexpr uint64_t kSamples = 50;
  std::atomic<uint64_t> samples_{0};
  std::atomic<uint64_t> total_micros_{0};
  std::atomic_flag adapting_ = ATOMIC_FLAG_INIT;
  std::atomic<uint64_t> max_{1}, min_{1};
  std::atomic<double> tolerance_{1.5};
  double usual_micros_ = 0;
  Clock::time_point adapted_at_ = Clock::now();
  double exact_limit_ = 0;
};

// Gates by name. A gate lives as long as it is referenced, so a reload finds it again together with the
// requests inside. Any thread; takes a lock.
class Gates {
 public:
  std::shared_ptr<Gate> get(const std::string& name, const GateLimit& limit);

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    std::map<std::string, std::weak_ptr<Gate>, std::less<>> gates;
    size_t until_swept = 64;
  };
  std::array<Shard, 64> shards_;
  crypto::KeyedHash hash_;
};

}  // namespace portcullis::limits
