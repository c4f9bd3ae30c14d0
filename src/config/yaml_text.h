#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.h"

// Finds characters in a YAML text that mislead its author, because they look like others or are invisible.
namespace portcullis::config {

// Reports the first byte that is not UTF-8, and the first character that YAML does not permit (NUL and other
// control characters). False when there is one.
bool check_characters(std::string_view text, const std::string& file, Diagnostics& diagnostics);

// A mistake that causes a YAML error elsewhere, and that the parser does not name.
struct Trap {
  Location location;
  std::string message;
};
// The mistake near `at`, where the parser failed: a tab or an odd space in the indentation, a typographic
// quote, dash or colon, or `${NAME}` without quotes within `{ }` or `[ ]`.
std::optional<Trap> find_trap(std::string_view text, const Location& at);

// A hint about odd characters in `text`, an unquoted scalar: "; the text contains a no-break space (U+00A0):
// ..."; or
// "".
std::string hint_about(std::string_view text);
// Names the first letter of `name` that is not ASCII although it may look so, if hint_about() has no hint; or
// "".
std::string hint_about_letters(std::string_view name);

// The line with that number, counted from 1, without its end; empty when there is none.
std::string_view line_of(std::string_view text, size_t number);
// `line` without its comment. A `#` within quotes is treated as the beginning of a comment, too.
std::string_view without_comment(std::string_view line);
// The byte at which a column of `line` begins, and the column of a byte; columns count characters from 1.
size_t byte_of(std::string_view line, size_t column);
size_t column_of(std::string_view line, size_t byte);

}  // namespace portcullis::config
