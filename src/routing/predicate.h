#pragma once

#include <string>

namespace portcullis::routing {

// What a header field or query parameter of a request must be like, so that a route takes the request.
struct Predicate {
  enum class Kind { kEquals, kMatches, kPresent, kAbsent };
  std::string name;  // of the header field or parameter
  Kind kind = Kind::kEquals;
  std::string text{};  // the value, or the expression (RE2) that the whole value matches

  bool operator==(const Predicate&) const = default;
};

}  // namespace portcullis::routing
