#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis {

inline char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// A part of `text`, which must be within it: substr() checks that, and may throw.
inline std::string_view slice(std::string_view text, size_t begin, size_t size) {
  return {text.data() + begin, size};
}

inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

// `part` is in lower case.
inline bool contains_ignoring_case(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return ascii_lower(a) == b; };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

std::string to_lower(std::string_view text);

// `text` without leading and trailing spaces and tabs (OWS of RFC 9110 section 5.6.3).
inline std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Parses digits of `base`, in upper or lower case. Signs, spaces and overflow are refused.
inline std::optional<uint64_t> parse_digits(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}
inline std::optional<uint64_t> parse_decimal(std::string_view text) {
  return parse_digits(text, 10);
}
inline std::optional<uint64_t> parse_hex(std::string_view text) {
  return parse_digits(text, 16);
}

// The two hexadecimal digits of each byte.
inline constexpr auto kHexPairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (size_t byte = 0; byte < 256; ++byte)
    pairs[byte] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return pairs;
}();

// Writes the last `digits` hexadecimal digits of `number`, in lower case.
inline void write_hex(char* out, uint64_t number, size_t digits) {
  for (; digits >= 2; digits -= 2, number >>= 8)
    std::memcpy(out + digits - 2, kHexPairs[number & 255].data(), 2);
  if (digits == 1) *out = kHexPairs[number & 15][1];
}

// The value of a hexadecimal digit, or -1.
inline int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Calls visit(element) for each non-empty element of a comma separated list (RFC 9110 section 5.6.1).
template <typename Visit>
void for_each_list_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    if (!element.empty()) visit(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// The candidate nearest to `word` by edit distance, if the distance is small enough for a typing mistake.
std::optional<std::string_view> nearest_word(std::string_view word,
                                             const std::vector<std::string_view>& candidates);

// " - did you mean `x`?" for the nearest candidate, or "": appended to an error message about `word`.
std::string suggestion_for(std::string_view word, const std::vector<std::string_view>& candidates);

// The length of the valid UTF-8 sequence at the start of `text`, which must not be empty; 0 when the sequence
// is invalid.
size_t utf8_sequence(std::string_view text);
// True when all of `text` is valid UTF-8 (RFC 3629 section 4).
bool is_utf8(std::string_view text);

// A URL for logs and messages, without its user name, password and query, which may be secret.
std::string without_secrets(std::string_view url);

// Joins the words as "a, b, c".
std::string join(const std::vector<std::string>& words);

// The length of the longest prefix of `text` that needs no escaping in a JSON string.
size_t plain_json_size(std::string_view text);
// Appends `text` to `out`, escaped for the inside of a JSON string. Invalid UTF-8 becomes U+FFFD.
void append_json_escaped(std::string& out, std::string_view text);

}  // namespace portcullis
