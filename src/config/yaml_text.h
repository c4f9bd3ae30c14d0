#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.h"

// Characters of a YAML text that mislead its author, because they look like others or cannot be seen.
namespace portcullis::config {

// Reports the first byte that is not UTF-8, and the first character that YAML does not allow (NUL and other
// control characters), at its place. False when there is one.
bool check_characters(std::string_view text, const std::string& file, Diagnostics& diagnostics);

// A mistake that makes a YAML parser stumble without naming it.
struct Trap {
  Location location;
  std::string message;
};
// The one near `at`, where the parser stumbled over `text`: a tab or an odd space that indents, typographic
// quotes, or `${NAME}` without quotes within `{ }` or `[ ]`.
std::optional<Trap> find_trap(std::string_view text, const Location& at);

// " (it holds a no-break space, U+00A0: ...)": what is odd about `text`, a scalar without quotes; or "".
std::string hint_about(std::string_view text);

}  // namespace portcullis::config
