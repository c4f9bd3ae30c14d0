#pragma once

#include <cstdint>
#include <vector>

#include "runtime/ip_range.h"

namespace portcullis {

// A compiled set of address blocks. Overlapping and adjacent blocks become one interval. Finding an address
// takes a binary search over the intervals, for IPv4 only over the few that share its first 16 bits, so a
// hundred thousand blocks take hardly longer than ten. Immutable; any thread.
class IpSet {
 public:
  IpSet() = default;
  explicit IpSet(const std::vector<IpRange>& ranges);

  bool contains(const IpAddress& address) const;
  bool empty() const { return v4_.empty() && v6_.empty(); }

 private:
  __extension__ typedef unsigned __int128 Number;
  template <typename T>
  struct Interval {
    T first, last;
  };
  static Number number_of(const IpAddress& address);
  static constexpr Number kMapped = static_cast<Number>(0xFFFF)
                                    << 32;  // ::ffff:0:0, where mapped IPv4 addresses begin

  std::vector<Interval<uint32_t>> v4_;
  std::vector<uint32_t>
      v4_index_;  // for each value of the first 16 bits: the first interval that ends there or later
  std::vector<Interval<Number>> v6_;
};

}  // namespace portcullis
