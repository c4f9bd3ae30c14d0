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
// The one near `at`, where the parser stumbled over `text`: a tab or an odd space that indents, a typographic
// quote, dash or colon, or `${NAME}` without quotes within `{ }` or `[ ]`.
std::optional<Trap> find_trap(std::string_view text, const Location& at);

// "; it holds a no-break space (U+00A0): ...": what is odd about `text`, a scalar without quotes; or "".
std::string hint_about(std::string_view text);
// Names the first letter of `name` that is not ASCII, although it may look so, where hint_about() has nothing
// to say; or "".
std::string hint_about_letters(std::string_view name);

// The line of that number, counted from 1, without its end; empty when there is none.
std::string_view line_of(std::string_view text, size_t number);
// `line` without the comment at its end. A `#` within quotes counts as one, too.
std::string_view without_comment(std::string_view line);
// The byte at which that column of `line` begins, and the column of that byte; columns count characters
// from 1.
size_t byte_of(std::string_view line, size_t column);
size_t column_of(std::string_view line, size_t byte);

}  // namespace portcullis::config
