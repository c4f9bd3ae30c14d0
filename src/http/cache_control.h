#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace portcullis::http {

// The content of a Cache-Control field: RFC 9111 section 5.2, RFC 5861, RFC 8246. Views point into the
// fields.
struct CacheControl {
  // The age that stands for every age too large to represent (section 1.2.2).
  static constexpr std::chrono::seconds kForever{int64_t{1} << 31};

  std::optional<std::chrono::seconds> max_age{};
  std::optional<std::chrono::seconds> s_maxage{};
  std::optional<std::chrono::seconds> stale_while_revalidate{};
  std::optional<std::chrono::seconds> stale_if_error{};
  std::optional<std::chrono::seconds> min_fresh{};
  std::optional<std::chrono::seconds> max_stale{};  // kForever when any staleness is accepted
  bool no_store = false;
  bool no_cache = false;  // also set when no-cache names fields only
  bool is_private = false;
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool immutable = false;
  bool only_if_cached = false;
  std::string_view private_fields{};  // of `private="a, b"`, which makes only these fields private
};

// Reads all Cache-Control fields of a message. When a directive occurs twice, the first one counts. An age
// that is not a number counts as 0, which makes the response stale (section 4.2.1).
CacheControl read_cache_control(const Fields& fields);

// Reads the first field of `targets` that the response has and that can be parsed (RFC 9213 section 2.2).
// That field replaces Cache-Control and Expires.
std::optional<CacheControl> read_targeted_cache_control(const Fields& fields,
                                                        const std::vector<std::string>& targets);

// Parses a number of seconds (section 1.2.2); a number that is too large becomes kForever.
std::optional<std::chrono::seconds> parse_delta_seconds(std::string_view text);

}  // namespace portcullis::http
