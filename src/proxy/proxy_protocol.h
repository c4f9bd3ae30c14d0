#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/address.h"
#include "runtime/ip_range.h"
#include "upstream/definition.h"

namespace portcullis::proxy {

// The PROXY protocol, as HAProxy specifies it: what a load balancer says of its client at the beginning of a
// connection. Version 1 is a line of text, version 2 is binary. Pure functions; any thread.

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  static std::optional<Endpoint> of(const SocketAddress& address);
  bool operator==(const Endpoint&) const = default;
};

struct ProxyHeader {
  size_t size = 0;                 // of the header; what follows is the client's
  std::optional<Endpoint> source;  // none: the connection is the load balancer's own, or it does not know
  bool by_tls = false;             // version 2 only: the client came to the load balancer by TLS
};

enum class ProxyHeaderState { kIncomplete, kDone, kMalformed };

// No header is longer than this: 107 bytes in version 1; in version 2 we take no more than 4 KiB.
inline constexpr size_t kLargestProxyHeader = 16 + 4096;

// Reads a header from the beginning of what has been received.
ProxyHeaderState parse_proxy_header(std::string_view received, ProxyHeader& out);

// Writes a header into `out`, which has room for kLargestWritten, and returns its size. Without both
// endpoints it says that they are not known.
inline constexpr size_t kLargestWritten = 108;
size_t write_proxy_header(char* out, upstream::ProxyProtocol version, const std::optional<Endpoint>& source,
                          const std::optional<Endpoint>& destination);

}  // namespace portcullis::proxy
