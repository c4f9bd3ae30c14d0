#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/status_range.h"

namespace portcullis::proxy {

// The rules by which a branch of a route is taken out because its requests fail. The members have the names
// of the configuration's keys.
struct RollbackRules {
  uint64_t error_share = 0;                     // percent
  std::vector<StatusRange> status{{500, 599}};  // the statuses that count as failures
  uint64_t min_requests = 50;                   // min requests in an interval to judge the branch
  std::chrono::milliseconds interval{30'000};
  std::chrono::milliseconds hold{0};  // how long the branch stays out; 0: until resume()

  bool operator==(const RollbackRules&) const = default;
};

}  // namespace portcullis::proxy
