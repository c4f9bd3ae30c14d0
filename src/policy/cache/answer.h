#pragma once

#include <string_view>

#include "cache/entry.h"
#include "policy/cache/engine.h"
#include "policy/cache/stored_body.h"
#include "policy/policy.h"

namespace portcullis::policy::cache {

// How a stored response came to be sent, for Cache-Status (RFC 9211).
struct Served {
  std::string_view forwarded{};  // why the request was forwarded; empty for a hit
  uint16_t forwarded_status = 0;
  bool stored = false;
  bool collapsed = false;
  std::string_view detail{};
};

enum class Origin : uint8_t { kUpstreamNow, kStore };  // where the response comes from, as the client sees it

// Fills the exchange's response from a stored one: with Age, which says that the response was not made for
// this request (RFC 9111 section 5.1); as 304 when the client has the response already (RFC 9111 section
// 4.3.2); as 206 or 416 when the request asks for a range. The body becomes Context::response_body.
// The caller keeps the entry as long as the exchange lives.
StoredBody& write_stored_answer(Context& context, const engine::Entry& entry, Origin origin,
                                engine::Time moment);

// Adds the field Cache-Status with what the cache did. `entry` may be null.
void write_cache_status(Context& context, const Served& served, const engine::Entry* entry,
                        engine::Time moment);

// False when the request asks for a range that begins far behind what has been received of the body.
bool is_near(const Context& context, const engine::Entry& entry);

}  // namespace portcullis::policy::cache
