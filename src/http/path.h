#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/enum_names.h"

namespace portcullis::http {

// "/a" and "/a/b" are below "/a" and below "/a/"; "/ab" is not. Everything is below "/".
bool is_below(std::string_view path, std::string_view prefix);

// What becomes of paths that some servers read in another way than others.
enum class AmbiguousPaths : uint8_t {
  kRefuse,
  kPassParameters,  // path parameters (`;...`, RFC 3986 section 3.3) pass; encodings are refused
  kPass,            // both pass: %2F, %5C and %00 are left encoded, and matched so
};
constexpr auto names_of(AmbiguousPaths) {
  return std::to_array<EnumName<AmbiguousPaths>>({{AmbiguousPaths::kRefuse, "refuse"},
                                                  {AmbiguousPaths::kPassParameters, "pass_parameters"},
                                                  {AmbiguousPaths::kPass, "pass"}});
}

// How the paths of a listener are read.
struct PathRules {
  AmbiguousPaths ambiguous = AmbiguousPaths::kRefuse;
  bool merge_slashes = true;  // "//" is "/", as most servers have it
};

// The canonical form of a request path, which is both what routes are matched against and what the backend
// receives, so that the two can never read a path differently (RFC 3986 section 6.2.2): unreserved characters
// decoded, hexadecimal in capitals, dot segments removed, slashes merged. Nothing for a path that is
// malformed (bad percent-encoding, overlong forms, dot segments that climb above the root or that only some
// servers see) or, unless `rules` pass it, ambiguous. A path that is canonical already, the common case, is
// returned as it is; else the result lives in `arena`.
std::optional<std::string_view> canonical_path(std::string_view path, Arena& arena, PathRules rules = {});

// `text`, a target or a part of one, with everything percent-encoded that RFC 3986 does not have in targets.
// Lives in `arena`, or is `text` itself where nothing is to be encoded.
std::string_view encode_target(std::string_view text, Arena& arena);

}  // namespace portcullis::http
