#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "routing/match.h"

namespace re2 {
class RE2;
}

namespace portcullis::routing {

// The parts of a path that a route's match names: the `{name}`s of `match.path`, the named groups of
// `match.path_regex`, and `rest`, the text after `match.path_prefix` and its slash. Immutable; any thread.
class PathParameters {
 public:
  explicit PathParameters(const Match& match);
  PathParameters(PathParameters&&) noexcept;
  PathParameters& operator=(PathParameters&&) noexcept;
  ~PathParameters();

  const std::vector<std::string>& names() const { return names_; }
  // The value in `path`, which the route has matched, as a view into `path`; "" for an unknown name.
  std::string_view value(std::string_view name, std::string_view path) const;

 private:
  enum class Source : uint8_t { kSegments, kGroups, kRest };

  Source source_ = Source::kSegments;
  std::vector<std::string> names_;
  std::vector<size_t> places_;  // index of the segment or group; for `rest` its start
  std::unique_ptr<re2::RE2> expression_;
};

// Changes the path on its way to the upstream.
class PathRewrite {
 public:
  PathRewrite() = default;
  // `pattern` may contain `{name}`s; it must have passed check(). When it is empty, `strip_prefix` is removed
  // from the path.
  PathRewrite(std::string_view pattern, std::string strip_prefix);

  // What is wrong with `pattern` for a route with these parameters, or "".
  static std::string check(std::string_view pattern, const std::vector<std::string>& names);

  // The new path, in `arena` or as a view of `path`. Empty when the result is not a valid path: an expression
  // can cut dots out of segments, and "." and ".." have a special meaning.
  std::optional<std::string_view> apply(std::string_view path, const PathParameters& parameters,
                                        Arena& arena) const;

 private:
  struct Part {
    bool parameter;
    std::string text;
  };
  static std::vector<Part> parse(std::string_view pattern);

  std::vector<Part> parts_;
  std::string strip_prefix_;
};

}  // namespace portcullis::routing
