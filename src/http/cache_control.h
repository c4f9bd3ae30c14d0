#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace portcullis::http {

// What a Cache-Control field says: RFC 9111 section 5.2, RFC 5861, RFC 8246. Views are of the fields.
struct CacheControl {
  // An age that is more than anything (section 1.2.2).
  static constexpr std::chrono::seconds kForever{int64_t{1} << 31};

  std::optional<std::chrono::seconds> max_age{};
  std::optional<std::chrono::seconds> s_maxage{};
  std::optional<std::chrono::seconds> stale_while_revalidate{};
  std::optional<std::chrono::seconds> stale_if_error{};
  std::optional<std::chrono::seconds> min_fresh{};
  std::optional<std::chrono::seconds> max_stale{};  // kForever: any
  bool no_store = false;
  bool no_cache = false;  // also when it names fields only
  bool is_private = false;
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool immutable = false;
  bool only_if_cached = false;
  std::string_view private_fields{};  // `private="a, b"`: only these fields are
};

// Of a message's Cache-Control fields together. Of a directive that comes twice the first counts; an age that
// is no number is 0, so that what it says of is stale (section 4.2.1).
CacheControl read_cache_control(const Fields& fields);

// The first of the `targets` that the response has, and that can be read (RFC 9213 section 2.2): then it
// stands in the place of Cache-Control and Expires.
std::optional<CacheControl> read_targeted_cache_control(const Fields& fields,
                                                        const std::vector<std::string>& targets);

// A number of seconds (section 1.2.2); what is too large is kForever.
std::optional<std::chrono::seconds> parse_delta_seconds(std::string_view text);

}  // namespace portcullis::http
