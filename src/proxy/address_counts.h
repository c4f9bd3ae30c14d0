#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "crypto/digest.h"
#include "runtime/ip_range.h"

namespace portcullis::proxy {

// Counts the connections of each client address, on all workers and listeners. All IPv6 addresses of one /64
// count as one address, because one subscriber has a whole /64.
//
// Memory does not grow with the number of addresses: a keyed hash chooses one cell in each of two rows for an
// address, and the smaller of both cells is the number of its connections (a count-min sketch; Cormode and
// Muthukrishnan, 2005). The number is too high only for an address that shares both of its cells with other
// addresses. No lock; any thread.
class AddressCounts {
 public:
  // The cells of one address.
  struct Place {
    std::array<uint16_t, 2> cells{};
  };
  Place place_of(const IpAddress& address) const;

  // Counts one more connection. False, and nothing is counted, when the address has `limit` connections.
  bool add(const Place& place, uint64_t limit);
  // Removes a connection that add() has counted.
  void remove(const Place& place);

 private:
  static constexpr size_t kCells = 16 * 1024;

  crypto::KeyedHash hash_;
  std::array<std::array<std::atomic<uint32_t>, kCells>, 2> rows_{};
};

}  // namespace portcullis::proxy
