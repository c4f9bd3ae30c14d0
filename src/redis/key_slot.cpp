#include "redis/key_slot.h"

#include <array>

#include "base/text.h"

namespace portcullis::redis {
namespace {

// CRC16 of XMODEM: polynomial 0x1021, initial value 0.
constexpr std::array<uint16_t, 256> kCrc16 = [] {
  std::array<uint16_t, 256> out{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
    out[byte] = static_cast<uint16_t>(crc);
  }
  return out;
}();

uint16_t crc16(std::string_view text) {
  uint16_t crc = 0;
  for (const char c : text)
    crc = static_cast<uint16_t>(crc << 8 ^ kCrc16[(crc >> 8 ^ static_cast<uint8_t>(c)) & 0xff]);
  return crc;
}

}  // namespace

uint16_t key_slot(std::string_view key) {
  const size_t open = key.find('{');
  const size_t close = open == std::string_view::npos ? open : key.find('}', open);
  if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  return crc16(key) % kSlots;
}

std::optional<Redirection> redirection_of(std::string_view error) {
  Redirection out{};
  if (error.starts_with("MOVED ")) {
    out.kind = Redirection::Kind::kMoved;
    error.remove_prefix(6);
  } else if (error.starts_with("ASK ")) {
    out.kind = Redirection::Kind::kAsk;
    error.remove_prefix(4);
  } else {
    return std::nullopt;
  }
  const size_t space = error.find(' ');
  const auto slot = parse_decimal(error.substr(0, space));
  if (space == std::string_view::npos || !slot || *slot >= kSlots) return std::nullopt;
  const std::string_view place = error.substr(space + 1);
  const size_t colon = place.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : parse_decimal(place.substr(colon + 1));
  if (!port || *port == 0 || *port > 65'535) return std::nullopt;
  out.slot = static_cast<uint16_t>(*slot);
  out.address = node_address(place.substr(0, colon), static_cast<uint16_t>(*port));
  return out;
}

std::string node_address(std::string_view host, uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  std::string out = is_ipv6 ? "[" + std::string(host) + "]" : std::string(host);
  return out + ":" + std::to_string(port);
}

}  // namespace portcullis::redis
