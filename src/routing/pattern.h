#pragma once

#include <string>
#include <string_view>

namespace portcullis::routing {

// True for a segment "{name}" of a pattern, which matches any one segment.
inline bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment[0] == '{' && segment.back() == '}';
}

// Removes the first segment from `path`, which begins with '/', and returns the segment.
inline std::string_view next_segment(std::string_view& path) {
  const size_t end = path.find('/', 1);
  const std::string_view segment = path.substr(1, end == std::string_view::npos ? end : end - 1);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return segment;
}

// The pattern with all parameters renamed to "{_}": patterns that match the same paths become equal.
std::string without_parameter_names(std::string_view pattern);

}  // namespace portcullis::routing
