#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "telemetry/latency.h"

namespace portcullis::telemetry {

// The recent rate of a counter per second, with exponential decay. One thread.
class RateMeter {
 public:
  // `total` is the counter's present value; `seconds` the time since the last update.
  void update(uint64_t total, double seconds) {
    const uint64_t more = total - std::min(std::exchange(total_, total), total);
    const double kept = std::exp(-seconds / kMemory);
    // Weighted so that the mean is also correct shortly after the start.
    sum_ = sum_ * kept + static_cast<double>(more);
    weight_ = weight_ * kept + seconds;
  }
  double rate() const { return weight_ > 0 ? sum_ / weight_ : 0; }
  uint64_t total() const { return total_; }

  static constexpr double kMemory = 5;  // seconds

 private:
  uint64_t total_ = 0;
  double sum_ = 0;
  double weight_ = 0;
};

// Recent percentiles of a Latency, in milliseconds. One thread.
class PercentileMeter {
 public:
  // Adds the Latency of one worker. Each round calls add() for every worker, then update().
  void add(const Latency& latency) {
    const FineBuckets* fine = latency.fine();
    if (fine == nullptr) return;
    if (now_.empty()) now_.resize(FineBuckets::kCount);
    for (size_t i = 0; i < now_.size(); ++i) now_[i] += fine->counts[i].get();
  }
  void update(double seconds) {
    if (now_.empty()) return;
    before_.resize(now_.size());
    recent_.resize(now_.size());
    const double kept = std::exp(-seconds / kMemory);
    for (size_t i = 0; i < now_.size(); ++i) {
      recent_[i] = recent_[i] * kept + static_cast<double>(now_[i] - std::min(before_[i], now_[i]));
      before_[i] = std::exchange(now_[i], 0);
    }
  }
  // `part` is 0.99 for the 99th percentile. Negative without measurements.
  double milliseconds(double part) const {
    double all = 0;
    for (const double count : recent_) all += count;
    if (all < 0.5) return -1;
    double left = all * part;
    for (size_t i = 0; i < recent_.size(); ++i) {
      if (left <= recent_[i] && recent_[i] > 0) {
        const auto low = static_cast<double>(i == 0 ? 0 : FineBuckets::bound_of(i - 1));
        const auto high = static_cast<double>(FineBuckets::bound_of(i));
        return (low + (high - low) * left / recent_[i]) / 1000;
      }
      left -= recent_[i];
    }
    return static_cast<double>(FineBuckets::bound_of(recent_.size() - 1)) / 1000;
  }

  static constexpr double kMemory = 10;  // seconds

 private:
  std::vector<uint64_t> now_;
  std::vector<uint64_t> before_;
  std::vector<double> recent_;
};

}  // namespace portcullis::telemetry
