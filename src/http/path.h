#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"

namespace portcullis::http {

// The canonical form of a request path, which is both what routes are matched against and what the backend
// receives, so that the two can never read a path differently (RFC 3986 section 6.2.2): unreserved characters
// decoded, hexadecimal in capitals, dot segments removed. Nothing for a path that is malformed or ambiguous:
// bad percent-encoding, %00, %2F, %5C, or dot segments that climb above the root. A path that is canonical
// already, the common case, is returned as it is; else the result lives in `arena`.
std::optional<std::string_view> canonical_path(std::string_view path, Arena& arena);

}  // namespace portcullis::http
