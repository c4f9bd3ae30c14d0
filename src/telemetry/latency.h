#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory>

#include "telemetry/counter.h"

namespace portcullis::telemetry {

// Durations in buckets with these upper bounds in microseconds, and one beyond: what Prometheus gets.
inline constexpr std::array<uint64_t, 13> kDurationBounds{
    100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 500'000, 2'500'000, 10'000'000};

// The same in buckets that grow by a fifth, as native histograms do: four between each power of two and the
// next, from 16 microseconds to two minutes, so that percentiles are true to a tenth.
struct FineBuckets {
  static constexpr size_t kCount = 94;
  static size_t index_of(uint64_t microseconds) {
    if (microseconds < 16) return 0;
    const auto power = static_cast<size_t>(std::bit_width(microseconds)) - 1;
    const size_t quarter = (microseconds >> (power - 2)) & 3;
    return std::min((power - 4) * 4 + quarter + 1, kCount - 1);
  }
  // The least that does not belong to it any more.
  static uint64_t bound_of(size_t index) {
    if (index == 0) return 16;
    const size_t power = (index - 1) / 4 + 4;
    return (uint64_t{1} << power) + ((index - 1) % 4 + 1) * (uint64_t{1} << (power - 2));
  }

  std::array<Counter, kCount> counts;
};

// How long something took, each time. One thread notes, any reads.
class Latency {
 public:
  Latency() = default;
  Latency(const Latency&) = delete;
  Latency& operator=(const Latency&) = delete;
  ~Latency() { delete fine_.load(std::memory_order_relaxed); }

  void note(std::chrono::microseconds duration) {
    const auto microseconds = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
    size_t bucket = 0;
    while (bucket < kDurationBounds.size() && microseconds > kDurationBounds[bucket]) ++bucket;
    buckets_[bucket].add();
    sum_.add(microseconds);
    FineBuckets* fine = fine_.load(std::memory_order_relaxed);
    if (fine == nullptr) {
      // Once: what nobody uses is to take little memory.
      fine = new FineBuckets;
      fine_.store(fine, std::memory_order_release);
    }
    fine->counts[FineBuckets::index_of(microseconds)].add();
  }

  const Counter& bucket(size_t index) const { return buckets_[index]; }
  const Counter& sum() const { return sum_; }
  // Null when nothing has been noted.
  const FineBuckets* fine() const { return fine_.load(std::memory_order_acquire); }

 private:
  std::array<Counter, kDurationBounds.size() + 1> buckets_;
  Counter sum_;  // microseconds
  std::atomic<FineBuckets*> fine_{nullptr};
};

}  // namespace portcullis::telemetry
