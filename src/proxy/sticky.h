#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "upstream/definition.h"

namespace portcullis::proxy {

// The cookie that keeps a client with its target: the target's id, when it ends, and a signature
// (HMAC-SHA-256) of both and the cookie's and the upstream's names. Without the key, no client can make
// such a cookie or learn an address.

struct StickyVisit {
  uint64_t target;
  bool worn;  // the cookie must be renewed: more than half of its lifetime is over, or its lifetime is longer
              // than the configured ttl
};

// Reads the cookie's value. Empty for a value with an invalid signature, or that has expired.
std::optional<StickyVisit> read_sticky(const upstream::UpstreamDefinition& upstream, std::string_view value,
                                       std::chrono::sys_seconds now);
// The value of the Set-Cookie field for `target`, in the arena. `secure`: the client uses TLS.
std::string_view write_sticky(const upstream::UpstreamDefinition& upstream, uint64_t target, bool secure,
                              std::chrono::sys_seconds now, Arena& arena);

// The value of a Set-Cookie field, in the arena, for a cookie that only the gateway reads. With a `ttl` of 0
// the cookie lasts until the browser is closed. `secure`: the client uses TLS.
std::string_view write_cookie(std::string_view name, std::string_view value, std::chrono::seconds ttl,
                              bool secure, Arena& arena);

}  // namespace portcullis::proxy
