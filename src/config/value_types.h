#pragma once

#include <chrono>

#include "base/text.h"
#include "config/schema.h"

namespace portcullis::config {

// An amount in a time, as in "100/s" or "10/30s".
struct Rate {
  uint64_t amount = 0;
  std::chrono::milliseconds period{0};

  bool operator==(const Rate&) const = default;
};
Type<Rate> rate();

// A moment, as in 2027-01-31 or 2027-01-31T12:00:00Z, in UTC.
Type<std::chrono::sys_seconds> timestamp();

// A share, as in 20%: 0 to 100.
Type<uint64_t> percent();

// A share that may be small, as in 0.1%.
struct FineShare {
  uint32_t of_10_000 = 0;

  bool operator==(const FineShare&) const = default;
};
Type<FineShare> fine_share();

// Statuses of responses, as in 200, 200-299 or 2xx.
struct StatusRange {
  uint16_t first = 0;
  uint16_t last = 0;

  bool operator==(const StatusRange&) const = default;
};
Type<StatusRange> status_range();
// Those of all of them, sorted.
std::vector<uint16_t> statuses_of(const std::vector<StatusRange>& ranges);

}  // namespace portcullis::config
