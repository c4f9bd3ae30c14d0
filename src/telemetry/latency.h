#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory>

#include "telemetry/counter.h"

namespace portcullis::telemetry {

// The upper bounds, in microseconds, of the duration buckets on the metrics page; a further bucket has no
// bound.
inline constexpr std::array<uint64_t, 13> kDurationBounds{
    100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 500'000, 2'500'000, 10'000'000};

// The index of the first bound that is not below `value`; N when there is none.
template <size_t N>
size_t bucket_of(const std::array<uint64_t, N>& bounds, uint64_t value) {
  size_t bucket = 0;
  while (bucket < N && value > bounds[bucket]) ++bucket;
  return bucket;
}

// Durations in buckets that each grow by a fifth: the buckets of Prometheus's native histograms with schema
// 2, four for each power of two of seconds, from 15 microseconds to two and a half minutes. Percentiles are
// accurate to a tenth.
struct FineBuckets {
  static constexpr size_t kCount = 94;
  static constexpr int kSchema = 2;
  // The exponent of the lowest bucket's upper bound, in quarters of powers of two: 2^(-64/4) seconds.
  static constexpr int kFirst = -64;

  // The upper bound of a bucket in microseconds; the last bucket also holds all larger durations.
  static constexpr uint64_t bound_of(size_t index) { return kBounds[index]; }
  static size_t index_of(uint64_t microseconds) {
    size_t index = kBegins[static_cast<size_t>(std::bit_width(microseconds))];
    while (index + 1 < kCount && microseconds > kBounds[index]) ++index;
    return index;
  }

  std::array<Counter, kCount> counts;

 private:
  static constexpr std::array<uint64_t, kCount> kBounds = [] {
    constexpr double kQuarters[] = {1, 1.189207115002721, 1.4142135623730951, 1.681792830507429};
    std::array<uint64_t, kCount> out{};
    for (size_t i = 0; i < kCount; ++i) {
      double bound = 1e6 * kQuarters[i % 4];
      int power = kFirst / 4 + static_cast<int>(i / 4);
      for (; power < 0; ++power) bound /= 2;
      for (; power > 0; --power) bound *= 2;
      out[i] = static_cast<uint64_t>(bound);
    }
    return out;
  }();
  // For each number of bits: the first bucket that a number of that size can be in.
  static constexpr std::array<uint8_t, 65> kBegins = [] {
    std::array<uint8_t, 65> out{};
    for (size_t bits = 1; bits < out.size(); ++bits) {
      const uint64_t min = uint64_t{1} << (bits - 1);
      size_t index = 0;
      while (index + 1 < kCount && min > kBounds[index]) ++index;
      out[bits] = static_cast<uint8_t>(index);
    }
    return out;
  }();
};

// A histogram of durations. One thread records, any thread reads.
class Latency {
 public:
  Latency() = default;
  Latency(const Latency&) = delete;
  Latency& operator=(const Latency&) = delete;
  ~Latency() { delete fine_.load(std::memory_order_relaxed); }

  void note(std::chrono::microseconds duration) {
    const auto microseconds = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
    buckets_[bucket_of(kDurationBounds, microseconds)].add();
    sum_.add(microseconds);
    FineBuckets* fine = fine_.load(std::memory_order_relaxed);
    if (fine == nullptr) {
      // Allocated with the first duration, so that an unused histogram takes little memory.
      fine = new FineBuckets;
      fine_.store(fine, std::memory_order_release);
    }
    fine->counts[FineBuckets::index_of(microseconds)].add();
  }

  const Counter& bucket(size_t index) const { return buckets_[index]; }
  const Counter& sum() const { return sum_; }
  // Null when no duration has been recorded.
  const FineBuckets* fine() const { return fine_.load(std::memory_order_acquire); }

 private:
  std::array<Counter, kDurationBounds.size() + 1> buckets_;
  Counter sum_;  // microseconds
  std::atomic<FineBuckets*> fine_{nullptr};
};

}  // namespace portcullis::telemetry
