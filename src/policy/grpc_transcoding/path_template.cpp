#include "policy/grpc_transcoding/path_template.h"

#include <algorithm>

#include "http/query.h"

namespace portcullis::policy::grpc_transcoding {
namespace {

// The max number of segments, far more than any API has. A path with more segments matches no template.
constexpr size_t kMaxSegments = 64;

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : rest_(text), whole_(text) {}

  Result<PathTemplate> parse() {
    if (!take('/') || !segments(false) || (take(':') && !verb()) || !rest_.empty()) {
      if (problem_.empty()) problem_ = "the path template cannot be read";
      return Error{"`" + std::string(whole_) + "`: " + problem_};
    }
    return std::move(out_);
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool fail(std::string why) {
    problem_ = std::move(why);
    return false;
  }

  std::string_view word() {
    const size_t end = std::min(rest_.find_first_of("/{}=*:"), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return found;
  }

  bool segments(bool inside) {
    do {
      if (!segment(inside)) return false;
    } while (take('/'));
    return true;
  }

  bool segment(bool inside) {
    if (!out_.segments.empty() && out_.segments.back().kind == PathTemplate::Kind::kRest)
      return fail("nothing may follow `**`");
    if (out_.segments.size() == kMaxSegments) return fail("the path template is too long");
    if (take('*')) {
      out_.segments.push_back({take('*') ? PathTemplate::Kind::kRest : PathTemplate::Kind::kOne});
      return true;
    }
    if (take('{')) return inside ? fail("a variable contains another variable") : variable();
    const std::string_view literal = word();
    if (literal.empty()) return fail("a segment is empty");
    out_.segments.push_back({PathTemplate::Kind::kLiteral, std::string(literal)});
    return true;
  }

  bool variable() {
    const std::string_view field = word();
    if (field.empty()) return fail("a variable has no name");
    const size_t begin = out_.segments.size();
    if (take('=')) {
      if (!segments(true)) return false;
    } else {
      out_.segments.push_back({PathTemplate::Kind::kOne});
    }
    if (!take('}')) return fail("a variable has no `}`");
    out_.variables.push_back({std::string(field), begin, out_.segments.size()});
    return true;
  }

  bool verb() {
    const std::string_view found = word();
    if (found.empty()) return fail("the verb is empty");
    out_.verb = found;
    return true;
  }

  std::string_view rest_, whole_;
  std::string problem_;
  PathTemplate out_;
};

// The segments of a path, without the first slash; empty when there are more than kMaxSegments.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  if (!path.starts_with('/')) return out;
  path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    if (out.size() == kMaxSegments) return {};
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<PathTemplate> PathTemplate::parse(std::string_view text) {
  return TemplateParser(text).parse();
}

std::vector<std::string> PathTemplate::values_in(std::string_view path) const {
  if (!verb.empty()) path.remove_suffix(std::min(verb.size() + 1, path.size()));
  const std::vector<std::string_view> parts = split(path);
  std::vector<std::string> out;
  for (const Variable& variable : variables) {
    const bool many = variable.end - variable.begin > 1 || segments[variable.begin].kind == Kind::kRest;
    const size_t end =
        segments[variable.end - 1].kind == Kind::kRest ? parts.size() : std::min(variable.end, parts.size());
    std::string& value = out.emplace_back();
    for (size_t i = variable.begin; i < end; ++i) {
      if (i > variable.begin) value += '/';
      value += http::percent_decode(parts[i], many ? '/' : '\0');
    }
  }
  return out;
}

bool PathTree::add(const PathTemplate& path, const std::string& method, size_t value) {
  Node* node = &root_;
  bool rest = false;
  for (const PathTemplate::Segment& segment : path.segments) {
    rest = segment.kind == PathTemplate::Kind::kRest;
    if (rest) break;
    std::unique_ptr<Node>& next =
        segment.kind == PathTemplate::Kind::kOne ? node->one : node->words[segment.word];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  Ends& ends = rest ? node->rest : node->here;
  if (find_end(ends, {method, path.verb})) return false;
  ends.push_back({method, path.verb, value});
  return true;
}

std::optional<size_t> PathTree::find_end(const Ends& ends, const Wanted& wanted) {
  for (const End& end : ends) {
    const bool any = end.method == "*";
    if (end.verb == wanted.verb && (any || end.method == wanted.method)) return end.value;
  }
  return std::nullopt;
}

std::optional<size_t> PathTree::descend(const Node& node, const std::vector<std::string_view>& segments,
                                        size_t at, const Wanted& wanted) {
  if (at == segments.size()) {
    const auto here = find_end(node.here, wanted);
    return here ? here : find_end(node.rest, wanted);  // `**` also matches no segment at all
  }
  if (const auto word = node.words.find(segments[at]); word != node.words.end()) {
    if (const auto found = descend(*word->second, segments, at + 1, wanted)) return found;
  }
  if (node.one && !segments[at].empty()) {
    if (const auto found = descend(*node.one, segments, at + 1, wanted)) return found;
  }
  return find_end(node.rest, wanted);
}

std::optional<size_t> PathTree::find(std::string_view method, std::string_view path) const {
  std::vector<std::string_view> segments = split(path);
  if (segments.empty()) return std::nullopt;
  std::string_view& last = segments.back();
  if (const size_t colon = last.rfind(':'); colon != std::string_view::npos) {
    const std::string_view whole = last;
    const std::string_view verb = last.substr(colon + 1);
    last = last.substr(0, colon);
    if (const auto found = descend(root_, segments, 0, {method, verb})) return found;
    last = whole;
  }
  return descend(root_, segments, 0, {method, {}});
}

}  // namespace portcullis::policy::grpc_transcoding
