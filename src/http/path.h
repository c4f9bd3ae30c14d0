#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"

namespace portcullis::http {

// "/a" and "/a/b" are below "/a" and below "/a/"; "/ab" is not. Everything is below "/".
bool is_below(std::string_view path, std::string_view prefix);

// What becomes of encoded characters that some servers decode and others do not: %2F, %5C, %00, and overlong
// forms of ASCII.
enum class AmbiguousEncodings : uint8_t {
  kRefuse,
  kPass,  // left encoded, and matched so
};

// The canonical form of a request path, which is both what routes are matched against and what the backend
// receives, so that the two can never read a path differently (RFC 3986 section 6.2.2): unreserved characters
// decoded, hexadecimal in capitals, dot segments removed. Nothing for a path that is malformed (bad
// percent-encoding, dot segments that climb above the root) or, unless they are passed, ambiguous. A path
// that is canonical already, the common case, is returned as it is; else the result lives in `arena`.
std::optional<std::string_view> canonical_path(std::string_view path, Arena& arena,
                                               AmbiguousEncodings ambiguous = AmbiguousEncodings::kRefuse);

}  // namespace portcullis::http
