#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "crypto/digest.h"
#include "runtime/ip_range.h"

namespace portcullis::proxy {

// How many connections each client address has, on all workers and listeners. IPv6 addresses count by their
// /64, which is what one subscriber has.
//
// Memory does not grow with the addresses: each counts in one cell of either of two rows, at places that a
// keyed hash chooses, and has as many connections as the smaller of both says (a count-min sketch; Cormode
// and Muthukrishnan, 2005). That is too many only for an address that shares both of its cells with others.
// No lock; any thread.
class AddressCounts {
 public:
  // The cells of one address.
  struct Place {
    std::array<uint16_t, 2> cells{};
  };
  Place place_of(const IpAddress& address) const;

  // Counts one more connection, unless there are `limit` already: false then.
  bool add(const Place& place, uint64_t limit);
  // Takes back what add() has counted.
  void remove(const Place& place);

 private:
  static constexpr size_t kCells = 16 * 1024;

  crypto::KeyedHash hash_;
  std::array<std::array<std::atomic<uint32_t>, kCells>, 2> rows_{};
};

}  // namespace portcullis::proxy
