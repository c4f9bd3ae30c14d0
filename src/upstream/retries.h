#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/enum_names.h"
#include "base/status_range.h"

namespace portcullis::upstream {

// When a request is retried. The members have the names of the configuration's keys.
struct Retries {
  // Failures of a try: the connection ended without a valid HTTP response, or there was no response in time.
  enum class On : uint8_t { kReset, kTimeout };

  uint32_t attempts = 0;  // max retries after the first attempt; failed connects do not count
  std::vector<On> on{On::kReset};
  std::vector<StatusRange> status{};
  uint64_t budget = 20;                   // max share of the requests, in percent
  uint32_t min_per_second = 3;            // retries that are allowed in addition to the budget
  std::chrono::milliseconds backoff{25};  // max pause before the first retry; doubled before each further one
  std::chrono::milliseconds max_backoff{250};
  std::chrono::milliseconds max_retry_after{1'000};  // max Retry-After that is honoured
  uint64_t body_size = 64 * 1024;                    // requests with larger bodies are not retried

  bool retries_on(On failure) const { return std::find(on.begin(), on.end(), failure) != on.end(); }
  bool operator==(const Retries&) const = default;
};
constexpr auto names_of(Retries::On) {
  return std::to_array<EnumName<Retries::On>>(
      {{Retries::On::kReset, "reset"}, {Retries::On::kTimeout, "timeout"}});
}

}  // namespace portcullis::upstream
