#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace portcullis {

// One or several statuses of HTTP, such as 200, 200-299 or 2xx.
struct StatusRange {
  uint16_t first = 0;
  uint16_t last = 0;

  bool operator==(const StatusRange&) const = default;
};

// True when one of the ranges includes the status.
inline bool contains(const std::vector<StatusRange>& ranges, uint16_t status) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [status](const StatusRange& one) { return one.first <= status && status <= one.last; });
}

}  // namespace portcullis
