// Finds paths of routes that are written in the syntax of another product, or that no listener accepts.

#include <algorithm>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "control/warnings/warnings.h"
#include "http/path.h"

namespace portcullis::control::warnings {
namespace {

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Why `segment` looks like the syntax of another product, with the text to write instead; or "".
std::string foreign_segment(std::string_view segment, bool takes_parameters) {
  const auto shown = [segment] { return "`" + std::string(segment) + "`"; };
  const auto literal = [&shown](const std::string& meant) {
    return shown() + " has no special meaning here and matches only this text: " + meant;
  };
  if (segment.starts_with('{')) {
    const std::string_view name = segment.substr(1, segment.size() - 2);
    return is_word(name) ? ""
                         : shown() +
                               " is read as a parameter with this whole name: `{name}` matches one segment "
                               "with any text, and `path_regex` is for a regular expression";
  }
  if (segment == "*" || segment == "**")
    return literal(
        takes_parameters
            ? "`path_prefix` matches everything below a path, and `{name}` one segment with any text"
            : "`path_prefix` matches everything below the path without a star");
  if (segment.starts_with(':') && is_word(segment.substr(1)))
    return literal("one segment with any text is written `{" + std::string(segment.substr(1)) +
                   "}` in `path`");
  if (segment.starts_with("%3C") && segment.ends_with("%3E"))
    return literal("one segment with any text is written `{name}` in `path`");
  for (const std::string_view part : {"*", ".+", "["}) {
    if (segment.find(part) != std::string_view::npos)
      return literal("a regular expression belongs in `path_regex`");
  }
  return "";
}

void report_segments(std::string_view path, const char* key, const config::Route& route, Report& report) {
  const auto is_special = [](char c) {
    return c == '*' || c == ':' || c == '{' || c == '%' || c == '+' || c == '[';
  };
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    // Only these characters can look like the syntax of another product.
    if (std::none_of(segment.begin(), segment.end(), is_special)) continue;
    const std::string message = foreign_segment(segment, key == std::string_view("path"));
    if (!message.empty())
      return report.add(route.location,
                        "in `" + std::string(key) + "` of route `" + route.name + "`, " + message);
  }
}

// The part of a rewritten path that looks like a variable of another product; or "".
std::string_view foreign_variable(std::string_view path) {
  const size_t dollar = path.find('$');
  if (dollar == std::string_view::npos) return {};
  size_t end = dollar + 1;
  while (end < path.size() && is_word(path.substr(end, 1))) ++end;
  return path.substr(dollar, end - dollar);
}

// True when at least one listener accepts requests with this path.
bool is_taken(const config::Config& config, const std::string& path) {
  return std::any_of(config.listeners.begin(), config.listeners.end(), [&](const config::Listener& listener) {
    Arena arena;
    const http::PathRules rules{listener.ambiguous_paths, listener.merge_slashes};
    return http::canonical_path(path, arena, rules).has_value();
  });
}

// Why an expression looks like the syntax of another product, or "": here the expression must match the whole
// path.
std::string foreign_expression(std::string_view text) {
  if (text.starts_with('~'))
    return "`~` is a part of the expression, which therefore matches no path: leave it out (`(?i)` ignores "
           "case)";
  const bool has_end = text.ends_with('$') || text.ends_with('*') || text.ends_with('+');
  if (text.starts_with('^') && !has_end)
    return "the expression must match the whole path here: `.*` at its end takes what follows";
  return "";
}

// True when `path` begins with all segments of `prefix`: "/api/v1" begins with "/api", "/apis" does not.
bool begins_with_segments(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/';
}

}  // namespace

void find_unused_rewrites(const Facts& facts, Report& report) {
  for (const config::Route& route : facts.config().routes) {
    const std::string& prefix = route.rewrite.strip_prefix;
    const std::string& path = route.match.path_prefix.empty() ? route.match.path : route.match.path_prefix;
    if (prefix.empty() || path.empty() || path.find('{') != std::string::npos) continue;
    if (begins_with_segments(path, prefix)) continue;
    if (!route.match.path_prefix.empty() && begins_with_segments(prefix, path)) continue;
    report.add(route.location, "`strip_prefix` of route `" + route.name +
                                   "` has no effect: no path that the route takes begins with `" + prefix +
                                   "`");
  }
}

void find_foreign_patterns(const Facts& facts, Report& report) {
  for (const config::Route& route : facts.config().routes) {
    report_segments(route.match.path, "path", route, report);
    report_segments(route.match.path_prefix, "path_prefix", route, report);
    if (const std::string message = foreign_expression(route.match.path_regex); !message.empty())
      report.add(route.location, "in `path_regex` of route `" + route.name + "`, " + message);
    const std::string_view variable = foreign_variable(route.rewrite.path);
    if (variable.size() > 1)
      report.add(route.rewrite.path_location,
                 "`" + std::string(variable) +
                     "` is not a variable of the path: `{name}` stands for a parameter of `path` or a named "
                     "group of "
                     "`path_regex`, and `{rest}` for what follows `path_prefix`");
  }
}

void find_refused_paths(const Facts& facts, Report& report) {
  if (facts.config().listeners.empty()) return;
  for (const config::Route& route : facts.config().routes) {
    for (const std::string* path : {&route.match.path, &route.match.path_prefix}) {
      const auto may_be_refused = [](char c) { return c == ';' || c == '%'; };
      if (std::none_of(path->begin(), path->end(), may_be_refused)) continue;
      if (!is_taken(facts.config(), *path))
        report.add(route.location, "route `" + route.name + "` never matches: every listener refuses `" +
                                       *path + "` (its `ambiguous_paths` lets such paths pass)");
    }
  }
}

}  // namespace portcullis::control::warnings
