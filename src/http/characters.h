#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace portcullis::http {

// Character classes of RFC 9110 section 5.6.2 and RFC 9112 section 3.2.
namespace internal {

enum : uint8_t { kToken = 1, kFieldValue = 2, kTarget = 4, kLooseTarget = 8 };

constexpr std::array<uint8_t, 256> make_character_classes() {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric) classes[c] |= kToken;
    if (c == '\t' || (c >= 0x20 && c != 0x7F)) classes[c] |= kFieldValue;
    // Visible ASCII, except characters that no URI may contain unencoded.
    if (c > 0x20 && c < 0x7F && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' &&
        c != '{' && c != '|' && c != '}' && c != '#') {
      classes[c] |= kTarget;
    }
    if (c > 0x20 && c != 0x7F && c != '#') classes[c] |= kLooseTarget;
  }
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    classes[static_cast<uint8_t>(c)] |= kToken;
  }
  return classes;
}

inline constexpr std::array<uint8_t, 256> kCharacterClasses = make_character_classes();

}  // namespace internal

inline bool is_token(char c) {
  return internal::kCharacterClasses[static_cast<uint8_t>(c)] & internal::kToken;
}
// True for a valid method or field name.
inline bool is_token_text(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_token(c); });
}
inline bool is_field_value(char c) {
  return internal::kCharacterClasses[static_cast<uint8_t>(c)] & internal::kFieldValue;
}
// True when `text` contains only characters that a field value may contain. Looks at eight bytes at a time
// for one that may be below 0x20 or 0x7F, and only then at each.
inline bool is_field_text(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    uint64_t eight;
    std::memcpy(&eight, text.data(), 8);
    const uint64_t deletes = eight ^ (kOnes * 0x7F);
    const uint64_t suspects = (((eight - kOnes * 0x20) & ~eight) | ((deletes - kOnes) & ~deletes)) & kTops;
    if (suspects == 0) continue;
    for (const char c : text.substr(0, 8)) {
      if (!is_field_value(c)) return false;
    }
  }
  for (const char c : text) {
    if (!is_field_value(c)) return false;
  }
  return true;
}
inline bool is_target(char c) {
  return internal::kCharacterClasses[static_cast<uint8_t>(c)] & internal::kTarget;
}
// True for further characters that clients send unencoded in a target. Browsers leave `{ | } ^ \` and
// backticks in queries and `| ^` in paths as they are (URL standard, percent-encode sets); other clients send
// `"`, `<`, `>` and non-ASCII bytes.
inline bool is_loose_target(char c) {
  return internal::kCharacterClasses[static_cast<uint8_t>(c)] & internal::kLooseTarget;
}

}  // namespace portcullis::http
