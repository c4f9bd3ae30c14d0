#pragma once

#include <cstdint>

#include "base/enum_names.h"

// What a configuration chooses for an upstream by a word. The words are those of the configuration.
namespace portcullis::upstream {

// How the target of a request is chosen.
enum class Balance : uint8_t { kRoundRobin, kLeastRequest, kRandom, kPeakEwma, kRingHash, kMaglev };
constexpr auto names_of(Balance) {
  return std::to_array<EnumName<Balance>>({{Balance::kRoundRobin, "round_robin"},
                                           {Balance::kLeastRequest, "least_request"},
                                           {Balance::kRandom, "random"},
                                           {Balance::kPeakEwma, "peak_ewma"},
                                           {Balance::kRingHash, "ring_hash"},
                                           {Balance::kMaglev, "maglev"}});
}
// True when requests with the same key go to the same target.
constexpr bool uses_key(Balance balance) {
  return balance == Balance::kRingHash || balance == Balance::kMaglev;
}

// The protocol of connections to targets. kAuto: each target chooses between HTTP/1.1 and HTTP/2 by ALPN
// (RFC 7301).
enum class Protocol : uint8_t { kHttp1, kHttp2, kAuto };
constexpr auto names_of(Protocol) {
  return std::to_array<EnumName<Protocol>>(
      {{Protocol::kHttp1, "http1"}, {Protocol::kHttp2, "http2"}, {Protocol::kAuto, "auto"}});
}

// The version of the PROXY protocol in which a connection tells a target the client's address.
enum class ProxyProtocol : uint8_t { kNone, k1, k2 };
constexpr auto names_of(ProxyProtocol) {
  return std::to_array<EnumName<ProxyProtocol>>(
      {{ProxyProtocol::kNone, "none"}, {ProxyProtocol::k1, "v1"}, {ProxyProtocol::k2, "v2"}});
}

}  // namespace portcullis::upstream
