#pragma once

#include <string>
#include <vector>

namespace portcullis::routing {

// What a header field or query parameter of a request must be like, so that a route takes the request.
struct Predicate {
  enum class Kind { kEquals, kMatches, kPresent, kAbsent };
  std::string name;  // of the header field or parameter
  Kind kind = Kind::kEquals;
  std::string text{};  // the value, or the expression (RE2) that the whole value matches

  bool operator==(const Predicate&) const = default;
};

// What a request must be like so that a route takes it: the `match` of the route in the configuration,
// checked. At most one of `path`, `path_prefix` and `path_regex` is set; without any of them, all paths
// match.
struct Match {
  std::vector<std::string> hosts;    // canonical: "api.example.com" or "*.example.com"; empty: any host
  std::string path;                  // canonical; segments may be "{name}"
  std::string path_prefix;           // canonical
  std::vector<std::string> methods;  // empty: any method
  std::string path_regex{};          // RE2; must match the whole path
  std::vector<Predicate> headers{};
  std::vector<Predicate> query{};
  std::vector<std::string> listeners{};  // their names or addresses; empty: all listeners
};

}  // namespace portcullis::routing
