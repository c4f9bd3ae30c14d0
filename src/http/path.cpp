#include "http/path.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "http/characters.h"

namespace portcullis::http {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool needs_work(std::string_view path) {
  char previous = 0;
  for (const char c : path) {
    if (c == '%' || c == ';' || (previous == '/' && (c == '.' || c == '/'))) return true;
    previous = c;
  }
  return false;
}

// True when the encoded bytes begin an overlong UTF-8 form of another character, which some decoders accept:
// C0 and C1, E0 before 80 to 9F, F0 before 80 to 8F (RFC 3629 section 3).
bool is_overlong(std::string_view encoded) {
  const int first = hex_value(encoded[1]) << 4 | hex_value(encoded[2]);
  if (first == 0xC0 || first == 0xC1) return true;
  if ((first != 0xE0 && first != 0xF0) || encoded.size() < 6 || encoded[3] != '%') return false;
  const int second = hex_value(encoded[4]) << 4 | hex_value(encoded[5]);
  return second >= 0x80 && second < (first == 0xE0 ? 0xA0 : 0x90);
}

// Decodes `path` into `out`, except characters that must stay encoded. Returns the length, or nothing when
// the encoding is malformed or ambiguous.
std::optional<size_t> decode(std::string_view path, AmbiguousPaths ambiguous, char* out) {
  size_t size = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == ';' && ambiguous == AmbiguousPaths::kRefuse) return std::nullopt;
    if (path[i] != '%') {
      out[size++] = path[i];
      continue;
    }
    if (i + 2 >= path.size()) return std::nullopt;
    const int high = hex_value(path[i + 1]);
    const int low = hex_value(path[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    const auto c = static_cast<char>(high << 4 | low);
    if (is_overlong(path.substr(i))) return std::nullopt;
    const bool is_parameter = c == ';';
    const bool is_separator = c == '\0' || c == '/' || c == '\\';
    if (is_parameter && ambiguous == AmbiguousPaths::kRefuse) return std::nullopt;
    if (is_separator && ambiguous != AmbiguousPaths::kPass) return std::nullopt;
    if (is_unreserved(c)) {
      out[size++] = c;
    } else {
      out[size++] = '%';
      out[size++] = kHex[high];
      out[size++] = kHex[low];
    }
    i += 2;
  }
  return size;
}

// The end of the first part of `segment` that some servers treat as a whole segment: the position of a plain
// or encoded parameter, or of an encoded slash, backslash or NUL. `mark` is set to the length of the
// delimiter; 0 at the segment's end.
size_t part_end(std::string_view segment, size_t& mark) {
  for (size_t i = 0; i < segment.size(); ++i) {
    const std::string_view rest = segment.substr(i);
    mark = rest[0] == ';' ? 1 : 3;
    if (rest[0] == ';' || rest.starts_with("%3B") || rest.starts_with("%2F") || rest.starts_with("%5C") ||
        rest.starts_with("%00"))
      return i;
  }
  mark = 0;
  return segment.size();
}

// True when a server that decodes or truncates more than this gateway would find a dot segment within
// `segment`.
bool hides_dot_segment(std::string_view segment) {
  for (bool is_whole = true;; is_whole = false) {
    size_t mark = 0;
    const size_t end = part_end(segment, mark);
    const std::string_view part = segment.substr(0, end);
    if ((part == "." || part == "..") && !(is_whole && mark == 0)) return true;
    if (mark == 0) return false;
    segment.remove_prefix(end + mark);
  }
}

// Removes dot segments (RFC 3986 section 5.2.4) in place; empty when ".." would climb above the root.
std::optional<size_t> remove_dot_segments(char* path, size_t size, bool merge_slashes) {
  size_t out = 0;
  for (size_t i = 0; i < size;) {
    size_t end = i + 1;  // path[i] is '/'
    while (end < size && path[end] != '/') ++end;
    const std::string_view segment(path + i + 1, end - i - 1);
    const bool last = end == size;
    if (hides_dot_segment(segment)) return std::nullopt;
    if (segment.empty() && !last && merge_slashes) {
      // The next segment begins with its own slash.
    } else if (segment == ".") {
      if (last) path[out++] = '/';
    } else if (segment == "..") {
      if (out == 0) return std::nullopt;
      while (path[--out] != '/') {
      }
      if (last) path[out++] = '/';
    } else {
      std::memmove(path + out, path + i, end - i);
      out += end - i;
    }
    i = end;
  }
  if (out == 0) path[out++] = '/';
  return out;
}

}  // namespace

bool is_below(std::string_view path, std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string_view encode_target(std::string_view text, Arena& arena) {
  const auto strange =
      static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_target(c); }));
  if (strange == 0) return text;
  const size_t size = text.size() + 2 * strange;
  char* const begin = arena.allocate(size, 1);
  char* out = begin;
  for (const char c : text) {
    if (is_target(c)) {
      *out++ = c;
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    *out++ = '%';
    *out++ = kHex[byte >> 4];
    *out++ = kHex[byte & 15];
  }
  return {begin, size};
}

std::optional<std::string_view> canonical_path(std::string_view path, Arena& arena, PathRules rules) {
  if (!needs_work(path)) return path;
  char* out = arena.allocate(path.size() + 1, 1);
  const auto decoded = decode(path, rules.ambiguous, out);
  if (!decoded || out[0] != '/') return std::nullopt;
  const auto size = remove_dot_segments(out, *decoded, rules.merge_slashes);
  if (!size) return std::nullopt;
  return std::string_view(out, *size);
}

}  // namespace portcullis::http
