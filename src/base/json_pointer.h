#pragma once

#include <string>
#include <string_view>

namespace portcullis {

// Appends a token to a JSON pointer, after its `/`: `~` becomes `~0`, and `/` becomes `~1` (RFC 6901 section
// 3).
inline void append_pointer_token(std::string& pointer, std::string_view token) {
  for (const char c : token) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

}  // namespace portcullis
