#pragma once

#include <chrono>
#include <cstdint>

namespace portcullis::upstream {

// When a request is also sent to a second target while the first may still answer. The members have the names
// of the configuration's keys.
struct Hedging {
  static constexpr uint32_t kMax = 5;

  std::chrono::milliseconds delay{0};  // time without an answer; 0: no hedging
  uint32_t attempts = 1;               // max additional attempts, at most kMax
  uint64_t budget = 10;                // max share of the requests, in percent

  bool operator==(const Hedging&) const = default;
};

}  // namespace portcullis::upstream
