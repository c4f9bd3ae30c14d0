#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/address.h"
#include "runtime/ip_range.h"
#include "upstream/definition.h"

namespace portcullis::proxy {

// The PROXY protocol, as HAProxy specifies it: a header at the beginning of a connection, in which a load
// balancer tells the address of its client. Version 1 is a line of text, version 2 is binary. Pure functions;
// any thread.

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  static std::optional<Endpoint> of(const SocketAddress& address);
  bool operator==(const Endpoint&) const = default;
};

struct ProxyHeader {
  size_t size = 0;                 // the header's size in bytes; the client's bytes follow the header
  std::optional<Endpoint> source;  // empty when the header names no client, such as in health checks
  bool by_tls = false;             // version 2 only: the client uses TLS to the load balancer
};

enum class ProxyHeaderState { kIncomplete, kDone, kMalformed };

// The max size of a header. Version 1 permits 107 bytes; of version 2 the gateway accepts 4 KiB behind the
// first 16 bytes.
inline constexpr size_t kMaxProxyHeader = 16 + 4096;

// Parses a header at the beginning of the received bytes.
ProxyHeaderState parse_proxy_header(std::string_view received, ProxyHeader& out);

// Writes a header into `out`, which must have room for kMaxWritten bytes, and returns its size. When an
// endpoint is missing, the header says that the addresses are unknown.
inline constexpr size_t kMaxWritten = 108;
size_t write_proxy_header(char* out, upstream::ProxyProtocol version, const std::optional<Endpoint>& source,
                          const std::optional<Endpoint>& destination);

}  // namespace portcullis::proxy
