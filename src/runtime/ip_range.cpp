#include "runtime/ip_range.h"

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "base/text.h"

namespace portcullis {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy) return std::nullopt;
  text.copy(copy, text.size());  // an empty text may have a null data pointer, which copy() accepts
  copy[text.size()] = '\0';
  IpAddress address;
  if (::inet_pton(AF_INET6, copy, address.bytes.data()) == 1) return address;
  if (::inet_pton(AF_INET, copy, address.bytes.data() + 12) != 1) return std::nullopt;
  address.bytes[10] = address.bytes[11] = 0xFF;
  return address;
}

bool IpAddress::is_v4() const {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::memcmp(bytes.data(), kMapped, sizeof kMapped) == 0;
}

bool IpAddress::is_loopback() const {
  static constexpr uint8_t kOne[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return is_v4() ? bytes[12] == 127 : std::memcmp(bytes.data(), kOne, sizeof kOne) == 0;
}

size_t IpAddress::write(char* out) const {
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes.data() + (is_v4() ? 12 : 0), out, INET6_ADDRSTRLEN);
  return std::strlen(out);
}

Result<IpRange> IpRange::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  const Error bad{"`" + std::string(text) + "` is not an address or a block such as 10.0.0.0/8"};
  if (!address) return bad;
  IpRange range;
  range.base_ = *address;
  if (slash != std::string_view::npos) {
    const unsigned offset = text.find(':') == std::string_view::npos ? 96 : 0;
    const auto bits = parse_decimal(text.substr(slash + 1));
    if (!bits || *bits > 128 - offset) return bad;
    range.bits_ = static_cast<unsigned>(*bits) + offset;
  }
  IpAddress masked = range.base_;
  for (unsigned bit = range.bits_; bit < 128; ++bit)
    masked.bytes[bit / 8] = static_cast<uint8_t>(masked.bytes[bit / 8] & ~(0x80u >> (bit % 8)));
  if (masked.bytes != range.base_.bytes)
    return Error{"`" + std::string(text) + "` has bits set beyond its prefix length"};
  return range;
}

IpAddress IpRange::last() const {
  IpAddress out = base_;
  for (unsigned bit = bits_; bit < 128; ++bit)
    out.bytes[bit / 8] = static_cast<uint8_t>(out.bytes[bit / 8] | 0x80u >> (bit % 8));
  return out;
}

bool IpRange::contains(const IpAddress& address) const {
  const unsigned whole = bits_ / 8;
  if (std::memcmp(base_.bytes.data(), address.bytes.data(), whole) != 0) return false;
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<uint8_t>(0xFFu << (8 - bits_ % 8));
  return ((base_.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

}  // namespace portcullis
