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
  bool worn;  // the cookie is to be renewed: more than half of its time is over, or it lasts longer than the
              // ttl allows
};

// Empty for a value that this gateway has not written, or that has expired.
std::optional<StickyVisit> read_sticky(const upstream::UpstreamDefinition& upstream, std::string_view value,
                                       std::chrono::sys_seconds now);
// The Set-Cookie field's value, in the arena. `secure`: the client came by TLS.
std::string_view write_sticky(const upstream::UpstreamDefinition& upstream, uint64_t target, bool secure,
                              std::chrono::sys_seconds now, Arena& arena);

// A Set-Cookie field's value, in the arena, for a cookie that only the gateway reads. `ttl` 0: until the
// browser ends. `secure`: the client came by TLS.
std::string_view write_cookie(std::string_view name, std::string_view value, std::chrono::seconds ttl,
                              bool secure, Arena& arena);

}  // namespace portcullis::proxy
