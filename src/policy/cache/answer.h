#pragma once

#include <string_view>

#include "cache/entry.h"
#include "policy/policy.h"

namespace portcullis::policy::cache_policy {

// How a stored response came to be sent, for Cache-Status (RFC 9211).
struct Served {
  std::string_view forwarded{};  // empty: a hit
  uint16_t forwarded_status = 0;
  bool stored = false;
  bool collapsed = false;
  std::string_view detail{};
};

enum class Origin : uint8_t { kUpstreamNow, kStore };  // where it comes from, as the client sees it

// Makes the exchange's response of a stored one: with its Age, which says that it was not made for this
// request (section 5.1), as 304 where the client has it already (RFC
// 9111 section 4.3.2), as 206 or 416 where it asks for a part. Context::serving then has the body. The
// entry lives as long as the exchange: the caller holds it.
void write_stored_answer(Context& context, const cache::Entry& entry, Origin origin, cache::Time moment);

// Adds what the cache did.
void write_cache_status(Context& context, const Served& served, const cache::Entry* entry,
                        cache::Time moment);

// False when the request asks for a part of the body that will be long in coming.
bool is_near(const Context& context, const cache::Entry& entry);

}  // namespace portcullis::policy::cache_policy
