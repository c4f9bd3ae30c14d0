#include "routing/rewrite.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/arena_text.h"
#include "base/text.h"
#include "http/path.h"
#include "routing/pattern.h"

namespace portcullis::routing {
namespace {

// A path that the listener has accepted is not refused after the route has been chosen.
constexpr http::PathRules kAsMatched{.ambiguous = http::AmbiguousPaths::kPass, .merge_slashes = false};

}  // namespace

PathParameters::PathParameters(const Match& match) {
  if (!match.path_regex.empty()) {
    source_ = Source::kGroups;
    expression_ = std::make_unique<re2::RE2>(match.path_regex, re2::RE2::Quiet);
    for (const auto& [name, group] : expression_->NamedCapturingGroups()) {
      names_.push_back(name);
      places_.push_back(static_cast<size_t>(group));
    }
    return;
  }
  if (match.path.empty()) {
    source_ = Source::kRest;
    names_ = {"rest"};
    places_ = {match.path_prefix.ends_with('/') ? match.path_prefix.size() : match.path_prefix.size() + 1};
    return;
  }
  size_t place = 0;
  for (std::string_view rest = match.path; !rest.empty(); ++place) {
    const std::string_view segment = next_segment(rest);
    if (!is_parameter(segment)) continue;
    names_.emplace_back(segment.substr(1, segment.size() - 2));
    places_.push_back(place);
  }
}
PathParameters::PathParameters(PathParameters&&) noexcept = default;
PathParameters& PathParameters::operator=(PathParameters&&) noexcept = default;
PathParameters::~PathParameters() = default;

std::string_view PathParameters::value(std::string_view name, std::string_view path) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return {};
  const size_t place = places_[static_cast<size_t>(found - names_.begin())];
  switch (source_) {
    case Source::kRest: return path.substr(std::min(place, path.size()));
    case Source::kSegments:
      for (size_t i = 0; i < place; ++i) next_segment(path);
      return next_segment(path);
    case Source::kGroups: break;
  }
  static constexpr size_t kMaxGroups = 32;
  std::array<re2::StringPiece, kMaxGroups> groups;
  const bool matched = place < kMaxGroups &&
                       expression_->Match({path.data(), path.size()}, 0, path.size(), re2::RE2::ANCHOR_BOTH,
                                          groups.data(), static_cast<int>(place + 1));
  return matched ? std::string_view(groups[place].data(), groups[place].size()) : std::string_view();
}

PathRewrite::PathRewrite(std::string_view pattern, std::string strip_prefix)
    : parts_(parse(pattern)), strip_prefix_(std::move(strip_prefix)) {}

std::vector<PathRewrite::Part> PathRewrite::parse(std::string_view pattern) {
  std::vector<Part> parts;
  while (!pattern.empty()) {
    const size_t open = pattern.find('{');
    if (open != 0) parts.push_back({false, std::string(pattern.substr(0, open))});
    if (open == std::string_view::npos) break;
    const size_t close = pattern.find('}', open);
    if (close == std::string_view::npos) break;
    parts.push_back({true, std::string(pattern.substr(open + 1, close - open - 1))});
    pattern.remove_prefix(close + 1);
  }
  return parts;
}

std::string PathRewrite::check(std::string_view pattern, const std::vector<std::string>& names) {
  std::string literal;
  for (const Part& part : parse(pattern)) {
    if (!part.parameter) {
      literal += part.text;
      continue;
    }
    literal += 'x';
    if (std::find(names.begin(), names.end(), part.text) != names.end()) continue;
    const std::vector<std::string_view> known(names.begin(), names.end());
    return "the route's match has no parameter `" + part.text + "`" + suggestion_for(part.text, known);
  }
  if (std::count(pattern.begin(), pattern.end(), '{') != std::count(pattern.begin(), pattern.end(), '}'))
    return "`{` without `}`";
  Arena arena;
  if (const auto canonical = http::canonical_path(literal, arena, kAsMatched);
      !canonical || *canonical != literal)
    return "`" + std::string(pattern) + "` is not a plain path: no dot segments, nothing needlessly encoded";
  return "";
}

std::optional<std::string_view> PathRewrite::apply(std::string_view path, const PathParameters& parameters,
                                                   Arena& arena) const {
  if (!parts_.empty()) {
    ArenaText out(arena);
    for (const Part& part : parts_) out.add(part.parameter ? parameters.value(part.text, path) : part.text);
    // Paths that the listener accepted are accepted here as well.
    return http::canonical_path(out.kept(), arena, kAsMatched);
  }
  if (strip_prefix_.empty() || !path.starts_with(strip_prefix_)) return path;
  const std::string_view rest = path.substr(strip_prefix_.size());
  if (rest.empty()) return "/";
  if (rest[0] == '/') return rest;
  if (strip_prefix_.back() == '/') return std::string_view(rest.data() - 1, rest.size() + 1);
  return path;  // the prefix ends within a segment
}

}  // namespace portcullis::routing
