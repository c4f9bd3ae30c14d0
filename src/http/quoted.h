#pragma once

#include <cstddef>
#include <string_view>

namespace portcullis::http {

// Quoted strings within field values (RFC 9110 section 5.6.4).

// The end of the first element of `text`: the first character of `ends` outside of quoted strings. `quoted`
// is set to true when `text` ends inside an unterminated quoted string.
inline size_t element_end(std::string_view text, std::string_view ends, bool& quoted) {
  quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && ends.find(text[i]) != std::string_view::npos) {
      return i;
    }
  }
  return text.size();
}
inline size_t element_end(std::string_view text, std::string_view ends) {
  bool quoted = false;
  return element_end(text, ends, quoted);
}

// True when a quoted string begins in `text` and is not terminated.
inline bool has_open_quote(std::string_view text) {
  bool quoted = false;
  element_end(text, "", quoted);
  return quoted;
}

// The text between the quotes, with escapes unchanged; a text without quotes is returned unchanged.
inline std::string_view without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace portcullis::http
