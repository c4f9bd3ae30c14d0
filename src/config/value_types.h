#pragma once

#include <chrono>

#include "base/text.h"
#include "config/schema.h"

namespace portcullis::config {

// An amount per time, such as "100/s" or "10/30s".
struct Rate {
  uint64_t amount = 0;
  std::chrono::milliseconds period{0};

  bool operator==(const Rate&) const = default;
};
Type<Rate> rate();

// A point in time in UTC, such as 2027-01-31 or 2027-01-31T12:00:00Z.
Type<std::chrono::sys_seconds> timestamp();

// A share in whole percent, such as 20%: 0 to 100.
Type<uint64_t> percent();

// A share with a finer resolution, such as 0.1%.
struct FineShare {
  uint32_t of_10_000 = 0;

  bool operator==(const FineShare&) const = default;
};
Type<FineShare> fine_share();

// One or several statuses, such as 200, 200-299 or 2xx.
struct StatusRange {
  uint16_t first = 0;
  uint16_t last = 0;

  bool operator==(const StatusRange&) const = default;
};
Type<StatusRange> status_range();
// The statuses of all ranges, sorted.
std::vector<uint16_t> statuses_of(const std::vector<StatusRange>& ranges);

}  // namespace portcullis::config
