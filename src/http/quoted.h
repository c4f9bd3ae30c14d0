#pragma once

#include <cstddef>
#include <string_view>

namespace portcullis::http {

// Quoted strings within field values (RFC 9110 section 5.6.4).

// Where the element that `text` begins with ends: at the first of `ends` outside of a quoted string. `quoted`
// becomes whether that is within one, which then has no end.
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

// A quoted string begins in `text` and does not end in it.
inline bool has_open_quote(std::string_view text) {
  bool quoted = false;
  element_end(text, "", quoted);
  return quoted;
}

// What is between the quotes; escapes stay. What has none is given back as it is.
inline std::string_view without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace portcullis::http
