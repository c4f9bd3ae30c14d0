#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/enum_names.h"

namespace portcullis::http {

// "/a" and "/a/b" are below "/a" and below "/a/"; "/ab" is not. Everything is below "/".
bool is_below(std::string_view path, std::string_view prefix);

// How to treat paths that different servers interpret differently.
enum class AmbiguousPaths : uint8_t {
  kRefuse,
  kPassParameters,  // accepts path parameters (`;...`, RFC 3986 section 3.3); refuses ambiguous encodings
  kPass,            // accepts both; %2F, %5C and %00 stay encoded, and are matched in that form
};
constexpr auto names_of(AmbiguousPaths) {
  return std::to_array<EnumName<AmbiguousPaths>>({{AmbiguousPaths::kRefuse, "refuse"},
                                                  {AmbiguousPaths::kPassParameters, "pass_parameters"},
                                                  {AmbiguousPaths::kPass, "pass"}});
}

// How a listener interprets paths.
struct PathRules {
  AmbiguousPaths ambiguous = AmbiguousPaths::kRefuse;
  bool merge_slashes = true;  // "//" becomes "/", as in most servers
};

// The canonical form of a request path. Routes are matched against it and the backend receives it, so that
// both interpret the path in the same way (RFC 3986 section 6.2.2): unreserved characters are decoded,
// hexadecimal digits are upper case, dot segments are removed, slashes are merged. Empty for a malformed path
// (bad percent-encoding, overlong forms, dot segments that climb above the root or that only some servers
// recognise) and, unless `rules` accept it, for an ambiguous path. A path that is already canonical, the
// common case, is returned unchanged; otherwise the result is in `arena`.
std::optional<std::string_view> canonical_path(std::string_view path, Arena& arena, PathRules rules = {});

// Percent-encodes all characters of `text`, a target or a part of one, that RFC 3986 does not permit in a
// target. The result is in `arena`, or is `text` itself when nothing has to be encoded.
std::string_view encode_target(std::string_view text, Arena& arena);

}  // namespace portcullis::http
