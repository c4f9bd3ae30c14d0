#pragma once

#include <chrono>

#include "base/percent.h"
#include "base/status_range.h"
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
std::string print_timestamp(const std::chrono::sys_seconds& moment);

// A share in whole percent, such as 20%: 0 to 100.
Type<uint64_t> percent();

using portcullis::FineShare;
Type<FineShare> fine_share();
std::string print_fine_share(const FineShare& share);  // "5%", "0.1%"

using portcullis::StatusRange;
Type<StatusRange> status_range();

}  // namespace portcullis::config
