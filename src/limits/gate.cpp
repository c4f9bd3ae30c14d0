#include "limits/gate.h"

#include <algorithm>
#include <cmath>

namespace portcullis::limits {

void Gate::set_limit(const GateLimit& limit) {
  const bool adaptive = limit.min != 0;
  max_ = limit.max;
  min_ = std::max<uint64_t>(1, limit.min);
  tolerance_ = limit.tolerance;
  const auto max = static_cast<uint32_t>(limit.max), min = static_cast<uint32_t>(min_);
  // An adaptive limit starts at the min, or keeps its value over a reload: the usual latency must be learnt
  // while no requests queue.
  const bool known = adaptive_.exchange(adaptive) && adaptive;
  const uint32_t begin = known ? std::clamp(limit_.load(), min, max) : adaptive ? min : max;
  limit_.store(begin, std::memory_order_relaxed);
}

void Gate::note_latency(std::chrono::microseconds latency, Clock::time_point now) {
  if (!adaptive_.load(std::memory_order_relaxed)) return;
  total_micros_.fetch_add(static_cast<uint64_t>(std::max<int64_t>(latency.count(), 0)),
                          std::memory_order_relaxed);
  if (samples_.fetch_add(1, std::memory_order_relaxed) + 1 < kSamples) return;
  if (adapting_.test_and_set(std::memory_order_acquire)) return;
  adapt(now);
  adapting_.clear(std::memory_order_release);
}

void Gate::adapt(Clock::time_point now) {
  const uint64_t samples = samples_.exchange(0, std::memory_order_relaxed);
  const uint64_t total = total_micros_.exchange(0, std::memory_order_relaxed);
  if (samples < kSamples / 2) return;  // another thread has just adapted the limit
  const double recent = std::max(1.0, static_cast<double>(total) / static_cast<double>(samples));
  // The usual latency falls at once and rises within minutes; otherwise the latency of an overload would
  // become the usual one.
  constexpr double kUsualSeconds = 120;
  const double passed = std::chrono::duration<double>(now - adapted_at_).count();
  if (usual_micros_ == 0 || recent < usual_micros_) {
    usual_micros_ = recent;
  } else {
    usual_micros_ += (recent - usual_micros_) * (1 - std::exp(-passed / kUsualSeconds));
  }
  adapted_at_ = now;
  const double limit = limit_.load(std::memory_order_relaxed);
  if (exact_limit_ < limit || exact_limit_ >= limit + 1) exact_limit_ = limit;
  const double gradient = std::clamp(tolerance_.load() * usual_micros_ / recent, 0.5, 1.0);
  // The limit rises only when requests were refused since the last change.
  const bool in_demand = refused_.exchange(false, std::memory_order_relaxed);
  const double wanted = gradient < 1.0 ? limit * gradient : limit + (in_demand ? std::sqrt(limit) : 0.0);
  constexpr double kSmoothing = 0.3;
  exact_limit_ = std::clamp(exact_limit_ * (1 - kSmoothing) + wanted * kSmoothing,
                            static_cast<double>(min_.load()), static_cast<double>(max_.load()));
  limit_.store(static_cast<uint32_t>(exact_limit_), std::memory_order_relaxed);
}

std::shared_ptr<Gate> Gates::get(const std::string& name, const GateLimit& limit) {
  Shard& shard = shards_[hash_(name) % shards_.size()];
  const std::lock_guard lock(shard.mutex);
  std::weak_ptr<Gate>& place = shard.gates[name];
  std::shared_ptr<Gate> gate = place.lock();
  if (gate == nullptr) {
    gate = std::make_shared<Gate>();
    place = gate;
    gate->set_limit(limit);
    // Expired names are removed before the number of names doubles.
    if (shard.gates.size() >= shard.until_swept) {
      std::erase_if(shard.gates, [](const auto& one) { return one.second.expired(); });
      shard.until_swept = std::max<size_t>(64, shard.gates.size() * 2);
    }
  }
  return gate;
}

}  // namespace portcullis::limits
