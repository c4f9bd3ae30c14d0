#pragma once

#include <cstdint>
#include <vector>

#include "runtime/ip_range.h"

namespace portcullis {

// Many blocks of addresses, compiled: overlapping and adjoining ones become one interval, and finding the one
// that could hold an address takes a binary search, for IPv4 within the few that share its first 16 bits. So
// a hundred thousand blocks cost hardly more than ten. Immutable; any thread.
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
  static constexpr Number kMapped = static_cast<Number>(0xFFFF) << 32;  // ::ffff:0:0, where IPv4 is

  std::vector<Interval<uint32_t>> v4_;
  std::vector<uint32_t>
      v4_index_;  // for each first half of an address, the first interval that ends in it or after
  std::vector<Interval<Number>> v6_;
};

}  // namespace portcullis
