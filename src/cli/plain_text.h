#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace portcullis::cli {

inline bool is_plain_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

// A word of the command line for messages: in backticks, with `?` for each byte that is not printable ASCII.
inline std::string in_backticks(std::string_view text) {
  std::string out = "`";
  for (const char c : text) out += c >= ' ' && c < 0x7F ? c : '?';
  return out + "`";
}

// `text` with `?` for each ASCII control character, because a terminal would obey control characters. Other
// bytes are kept, since paths may contain them.
inline std::string without_control_characters(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F; },
      '?');
  return text;
}

// `text` in single quotes, as one word of a POSIX shell.
inline std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// "1 listener" or "2 listeners".
inline std::string count_of(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace portcullis::cli
