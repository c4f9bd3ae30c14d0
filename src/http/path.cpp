#include "http/path.h"

#include <cstring>

#include "base/text.h"

namespace portcullis::http {
namespace {

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

// Decodes what may be decoded, into `out`. The length, or nothing when the encoding is bad or ambiguous.
std::optional<size_t> decode(std::string_view path, AmbiguousPaths ambiguous, char* out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
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
    // C0 and C1 begin overlong UTF-8 forms of ASCII, which some decoders accept as the plain character.
    const bool is_ambiguous = c == '\0' || c == '/' || c == '\\' || (high == 0xC && low <= 1);
    if (is_ambiguous && ambiguous != AmbiguousPaths::kPass) return std::nullopt;
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

// True for "." and ".." with parameters: a server that cuts the parameters off would climb.
bool is_dot_segment_with_parameters(std::string_view segment) {
  return segment.starts_with(".;") || segment.starts_with("..;");
}

// RFC 3986 section 5.2.4, in place; nothing when ".." would climb above the root.
std::optional<size_t> remove_dot_segments(char* path, size_t size, bool merge_slashes) {
  size_t out = 0;
  for (size_t i = 0; i < size;) {
    size_t end = i + 1;  // path[i] is '/'
    while (end < size && path[end] != '/') ++end;
    const std::string_view segment(path + i + 1, end - i - 1);
    const bool last = end == size;
    if (is_dot_segment_with_parameters(segment)) return std::nullopt;
    if (segment.empty() && !last && merge_slashes) {
      // The next segment has a slash of its own.
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
