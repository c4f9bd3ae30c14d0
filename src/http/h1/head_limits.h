#pragma once

#include <cstddef>

namespace portcullis::http::h1 {

// The limits and the strictness with which heads are parsed.
struct HeadLimits {
  size_t head_size = 32 * 1024;
  size_t field_count = 100;
  size_t target_length = 8 * 1024;
  bool strict_targets = false;  // for requests: refuses characters that RFC 3986 does not permit
  // For responses: accepts a status of 600 to 999, a repeated `chunked`, and lines that end with LF only.
  bool lenient = false;

  bool operator==(const HeadLimits&) const = default;
};

// The default limits for response heads.
inline constexpr HeadLimits kResponseLimits{.head_size = 64 * 1024, .field_count = 112, .target_length = 0};

}  // namespace portcullis::http::h1
