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

// How many may be inside a gate at once.
struct GateLimit {
  uint64_t most = 1;       // the limit, or for an adaptive one the highest
  uint64_t least = 0;      // of an adaptive one; 0: the limit is fixed
  double tolerance = 1.5;  // how much slower than usual is no sign of overload
};

// Lets so many in at once. Shared by the workers, without a lock. An adaptive one follows the latency by the
// gradient of what is usual to what is now (after Netflix's concurrency-limits): requests that
// take longer than usual mean that a queue has formed behind the gate, and fewer are let in.
class Gate {
 public:
  // Control thread; what is inside stays inside.
  void set_limit(const GateLimit& limit);

  bool try_enter() {
    uint32_t inside = inside_.load(std::memory_order_relaxed);
    while (inside < limit_.load(std::memory_order_relaxed)) {
      if (inside_.compare_exchange_weak(inside, inside + 1, std::memory_order_acq_rel)) return true;
    }
    if (!refused_.load(std::memory_order_relaxed)) refused_.store(true, std::memory_order_relaxed);
    return false;
  }
  // What try_enter() would say; the request does not enter.
  bool has_room() const { return inside() < limit(); }
  void leave() { inside_.fetch_sub(1, std::memory_order_acq_rel); }
  // How long one took that was inside. Any thread.
  void note_latency(std::chrono::microseconds latency, Clock::time_point now);

  uint32_t inside() const { return inside_.load(std::memory_order_relaxed); }
  uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }

  std::atomic<uint32_t> waiting{0};          // before it, on all workers
  std::atomic<uint64_t> waiting_workers{0};  // a bit for each worker (modulo 64) that has somebody waiting

 private:
  void adapt(Clock::time_point now);

  std::atomic<uint32_t> inside_{0};
  std::atomic<uint32_t> limit_{1};
  std::atomic<bool> adaptive_{false};
  std::atomic<bool> refused_{false};  // somebody found it full since the last change
  // Of an adaptive one: samples since the last change, and what only the holder of the flag touches.
  static constexpr uint64_t kSamples = 50;
  std::atomic<uint64_t> samples_{0};
  std::atomic<uint64_t> total_micros_{0};
  std::atomic_flag adapting_ = ATOMIC_FLAG_INIT;
  std::atomic<uint64_t> most_{1}, least_{1};
  std::atomic<double> tolerance_{1.5};
  double usual_micros_ = 0;
  Clock::time_point adapted_at_ = Clock::now();
  double exact_limit_ = 0;
};

// Gates by their names. A gate lives as long as somebody holds it, so that a reload finds it again with what
// is inside. Any thread; takes a lock.
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
