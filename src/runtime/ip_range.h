#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace portcullis {

// An IPv4 or IPv6 address as 16 bytes, IPv4 in its mapped form (RFC 4291 section 2.5.5.2).
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  static std::optional<IpAddress> parse(std::string_view text);
  // Writes the address into `out` (at least INET6_ADDRSTRLEN bytes) in the format that parse() reads, mapped
  // IPv4 without the prefix ::ffff:. Returns the length. Does not allocate.
  size_t write(char* out) const;
  bool is_v4() const;
  bool is_loopback() const;  // 127.0.0.0/8, or ::1
  auto operator<=>(const IpAddress&) const = default;
};

// A block of addresses: "10.0.0.0/8", "2001:db8::/32", or a single address. A plain value.
class IpRange {
 public:
  static Result<IpRange> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  IpAddress first() const { return base_; }
  IpAddress last() const;

 private:
  IpAddress base_;
  unsigned bits_ = 128;  // the prefix length within the mapped 128-bit form
};

}  // namespace portcullis
