#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/status_range.h"

namespace portcullis::upstream {

// When a target that answers badly is ejected for a while. The members have the names of the configuration's
// keys.
struct EjectionRules {
  uint32_t failures_in_row = 3;       // 0: consecutive failures do not eject
  std::vector<StatusRange> status{};  // of responses that count as failures
  uint64_t error_share = 0;           // percent of an interval's requests; 0: does not eject
  uint64_t slowness = 0;              // multiple of the other targets' latency; 0: does not eject
  uint64_t min_requests = 20;         // min requests in an interval to judge the target
  std::chrono::milliseconds interval{10'000};
  std::chrono::milliseconds ejection{10'000};  // the first one; longer with each further one in a row
  std::chrono::milliseconds max_ejection{300'000};
  uint64_t max_ejected = 50;  // max percentage of ejected targets; one target may always be ejected

  // True when requests must be counted per interval.
  bool judges_intervals() const { return error_share > 0 || slowness > 0; }
  bool operator==(const EjectionRules&) const = default;
};

}  // namespace portcullis::upstream
