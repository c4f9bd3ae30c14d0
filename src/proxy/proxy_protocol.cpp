#include "proxy/proxy_protocol.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace portcullis::proxy {
namespace {

constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kFixed2 = 16;
constexpr size_t kMaxVersion1 = 107;  // with its line end
constexpr char kTcp4 = 0x11, kTcp6 = 0x21, kUnixStream = 0x31, kUnspecified = 0x00;
constexpr size_t kV4Bytes = 12, kV6Bytes = 36, kUnixBytes = 216;
constexpr char kTlsTlv = 0x20;

IpAddress v4_of(const char* bytes) {
  IpAddress out;
  out.bytes[10] = out.bytes[11] = 0xFF;
  std::memcpy(out.bytes.data() + 12, bytes, 4);
  return out;
}

uint16_t number_at(const char* bytes) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 | static_cast<uint8_t>(bytes[1]));
}

// Takes the text before the next space, or before the end; nothing when that text is empty.
std::optional<std::string_view> take_word(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  if (word.empty()) return std::nullopt;
  return word;
}

std::optional<uint16_t> port_of(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool plain =
      error == std::errc() && end == text.data() + text.size() && (text == "0" || text[0] != '0');
  return plain ? std::optional(port) : std::nullopt;
}

std::optional<IpAddress> address_of(std::string_view text, bool v6) {
  if ((text.find(':') != std::string_view::npos) != v6) return std::nullopt;
  return IpAddress::parse(text);
}

ProxyHeaderState parse_text(std::string_view received, ProxyHeader& out) {
  const size_t end = received.substr(0, kMaxVersion1).find("\r\n");
  if (end == std::string_view::npos)
    return received.size() < kMaxVersion1 ? ProxyHeaderState::kIncomplete : ProxyHeaderState::kMalformed;
  out.size = end + 2;
  std::string_view line = received.substr(0, end);
  if (!line.starts_with("PROXY ")) return ProxyHeaderState::kMalformed;
  line.remove_prefix(6);
  const auto family = take_word(line);
  if (family == "UNKNOWN") return ProxyHeaderState::kDone;  // the rest of the line has no meaning
  if (family != "TCP4" && family != "TCP6") return ProxyHeaderState::kMalformed;
  const auto source = take_word(line), destination = take_word(line);
  const auto source_port = take_word(line);
  if (!source || !destination || !source_port) return ProxyHeaderState::kMalformed;
  const bool v6 = family == "TCP6";
  const auto address = address_of(*source, v6);
  const auto port = port_of(*source_port);
  if (!address || !port || !address_of(*destination, v6) || !port_of(line))
    return ProxyHeaderState::kMalformed;
  out.source = Endpoint{*address, *port};
  return ProxyHeaderState::kDone;
}

// Reads the type-length-value records behind the addresses, to find out whether the client uses TLS.
bool parse_extras(std::string_view extras, ProxyHeader& out) {
  while (!extras.empty()) {
    if (extras.size() < 3) return false;
    const size_t size = number_at(extras.data() + 1);
    if (extras.size() - 3 < size) return false;
    if (extras[0] == kTlsTlv) {
      if (size < 5) return false;
      out.by_tls = (extras[3] & 1) != 0;
    }
    extras.remove_prefix(3 + size);
  }
  return true;
}

ProxyHeaderState parse_binary(std::string_view received, ProxyHeader& out) {
  if (received.size() < kFixed2) return ProxyHeaderState::kIncomplete;
  const auto version_and_command = static_cast<uint8_t>(received[12]);
  if (version_and_command != 0x20 && version_and_command != 0x21) return ProxyHeaderState::kMalformed;
  out.size = kFixed2 + number_at(received.data() + 14);
  if (out.size > kMaxProxyHeader) return ProxyHeaderState::kMalformed;
  if (received.size() < out.size) return ProxyHeaderState::kIncomplete;
  if (version_and_command == 0x20) return ProxyHeaderState::kDone;  // the load balancer's own connection
  const std::string_view content = received.substr(kFixed2, out.size - kFixed2);
  const char* at = content.data();
  size_t addresses = 0;
  switch (received[13]) {
    case kUnspecified: return ProxyHeaderState::kDone;
    case kTcp4: addresses = kV4Bytes; break;
    case kTcp6: addresses = kV6Bytes; break;
    case kUnixStream: addresses = kUnixBytes; break;
    default: return ProxyHeaderState::kMalformed;
  }
  if (content.size() < addresses || !parse_extras(content.substr(addresses), out))
    return ProxyHeaderState::kMalformed;
  if (received[13] == kTcp4) out.source = Endpoint{v4_of(at), number_at(at + 8)};
  if (received[13] == kTcp6) {
    IpAddress address;
    std::memcpy(address.bytes.data(), at, address.bytes.size());
    out.source = Endpoint{address, number_at(at + 32)};
  }
  return ProxyHeaderState::kDone;
}

size_t write_text(char* out, const Endpoint* source, const Endpoint* destination) {
  static constexpr std::string_view kUnknown = "PROXY UNKNOWN\r\n";
  if (source == nullptr) return static_cast<size_t>(std::copy(kUnknown.begin(), kUnknown.end(), out) - out);
  const bool v4 = source->address.is_v4() && destination->address.is_v4();
  char* at = out;
  const auto write = [&at](std::string_view text) { at = std::copy(text.begin(), text.end(), at); };
  write(v4 ? "PROXY TCP4" : "PROXY TCP6");
  for (const Endpoint* one : {source, destination}) {
    write(" ");
    const uint8_t* bytes = one->address.bytes.data() + (v4 ? 12 : 0);
    ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes, at, INET6_ADDRSTRLEN);
    at += std::strlen(at);
  }
  for (const Endpoint* one : {source, destination}) {
    write(" ");
    at = std::to_chars(at, at + 5, one->port).ptr;
  }
  write("\r\n");
  return static_cast<size_t>(at - out);
}

size_t write_binary(char* out, const Endpoint* source, const Endpoint* destination) {
  char* at = std::copy(kSignature2.begin(), kSignature2.end(), out);
  *at++ = 0x21;
  const bool v4 = source != nullptr && source->address.is_v4() && destination->address.is_v4();
  *at++ = source == nullptr ? kUnspecified : v4 ? kTcp4 : kTcp6;
  *at++ = 0;
  *at++ = static_cast<char>(source == nullptr ? 0 : v4 ? kV4Bytes : kV6Bytes);
  if (source == nullptr) return kFixed2;
  for (const Endpoint* one : {source, destination})
    at = std::copy(one->address.bytes.begin() + (v4 ? 12 : 0), one->address.bytes.end(), at);
  for (const Endpoint* one : {source, destination}) {
    *at++ = static_cast<char>(one->port >> 8);
    *at++ = static_cast<char>(one->port & 0xFF);
  }
  return static_cast<size_t>(at - out);
}

}  // namespace

std::optional<Endpoint> Endpoint::of(const SocketAddress& address) {
  if (address.is_unix()) return std::nullopt;
  char text[INET6_ADDRSTRLEN];
  const auto parsed = IpAddress::parse(std::string_view(text, address.write_host(text)));
  if (!parsed) return std::nullopt;
  return Endpoint{*parsed, address.port()};
}

ProxyHeaderState parse_proxy_header(std::string_view received, ProxyHeader& out) {
  out = {};
  const size_t seen = std::min(received.size(), kSignature2.size());
  if (received.substr(0, seen) == kSignature2.substr(0, seen)) return parse_binary(received, out);
  static constexpr std::string_view kWord = "PROXY ";
  const size_t begun = std::min(received.size(), kWord.size());
  if (received.substr(0, begun) != kWord.substr(0, begun)) return ProxyHeaderState::kMalformed;
  return parse_text(received, out);
}

size_t write_proxy_header(char* out, upstream::ProxyProtocol version, const std::optional<Endpoint>& source,
                          const std::optional<Endpoint>& destination) {
  const bool known = source && destination;
  const Endpoint* from = known ? &*source : nullptr;
  const Endpoint* to = known ? &*destination : nullptr;
  return version == upstream::ProxyProtocol::k1 ? write_text(out, from, to) : write_binary(out, from, to);
}

}  // namespace portcullis::proxy
