#include "routing/route_table.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <map>
#include <tuple>

#include "base/hash.h"
#include "routing/pattern.h"
#include "routing/pattern_store.h"

namespace portcullis::routing {
namespace {

using Kind = PatternKind;

constexpr uint64_t kParameterHash = 0x51ED270B0A1F39C1ull;
constexpr uint32_t kAnyHost = 0;
constexpr std::string_view kParameter = "/{_}";  // as without_parameter_names() writes a parameter

// The hashes of a path's segments, computed once per request.
struct SplitPath {
  std::array<uint64_t, RouteTable::kMaxSegments> hashes;
  std::array<uint32_t, RouteTable::kMaxSegments + 1>
      ends;  // ends[i]: length of the path up to and including segment i
  size_t count = 0;
  bool truncated = false;
};

void split(std::string_view path, SplitPath& out) {
  size_t begin = 1;  // path[0] is '/'
  for (;;) {
    if (out.count == RouteTable::kMaxSegments) {
      out.truncated = true;
      return;
    }
    size_t end = path.find('/', begin);
    if (end == std::string_view::npos) end = path.size();
    out.hashes[out.count] = hash_bytes(path.substr(std::min(begin, path.size()), end - std::min(begin, end)));
    out.ends[out.count++] = static_cast<uint32_t>(end);
    if (end == path.size()) return;
    begin = end + 1;
  }
}

uint64_t seed_for(uint32_t host, Kind kind, size_t segments) {
  return hash_mix(uint64_t{host} << 8 | static_cast<uint64_t>(kind), segments);
}

constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"};
constexpr MethodSet kAnyMethod = 1u << 15;
constexpr MethodSet kOtherMethods = 1u << 14;

// The bit of a common method; 0 for other methods.
MethodSet method_bit(std::string_view method) {
  for (size_t i = 0; i < std::size(kMethods); ++i) {
    if (kMethods[i] == method) return static_cast<MethodSet>(1u << i);
  }
  return 0;
}

MethodSet method_set(const std::vector<std::string>& methods) {
  if (methods.empty()) return kAnyMethod;
  MethodSet set = 0;
  for (const std::string& method : methods) {
    const MethodSet bit = method_bit(method);
    set = static_cast<MethodSet>(set | (bit == 0 ? kOtherMethods : bit));
  }
  return set;
}

}  // namespace

struct RouteTable::Index {
  struct Expression {
    Candidate candidate;
    std::shared_ptr<const re2::RE2> regex;
  };
  struct Shape {
    uint64_t mask;  // bit (63 - i) is set when segment i is a parameter, so numeric order is precedence
    size_t segments;
  };
  struct Host {
    std::vector<Shape> shapes;           // sorted by number of segments, then by mask
    std::vector<uint32_t> prefix_sizes;  // numbers of segments of the prefixes, longest first
    std::vector<Expression> expressions;
    PatternStore::Place match_all = PatternStore::kNone;  // rules without a path, and with the prefix "/"
  };

  std::vector<RouteRule> rules;
  std::map<uint32_t, Predicates> predicates;  // of the conditional rules
  PatternStore patterns;
  std::vector<Host> hosts;
  std::map<std::string, uint32_t, std::less<>> exact_hosts;
  std::map<std::string, uint32_t, std::less<>> wildcard_hosts;  // keyed by the suffix, including its dot

  bool predicates_hold(const Candidate& candidate, const RequestView& request) const {
    return !candidate.conditional || (rules[candidate.route].answers_on(request.listener) &&
                                      predicates.at(candidate.route).admit(request.fields, request.query));
  }

  // Rules with more predicates come first; otherwise the order is kept.
  void sort_by_precedence(std::vector<Candidate>& candidates) const {
    std::stable_sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
      return rules[a.route].predicate_count() > rules[b.route].predicate_count();
    });
  }

  bool admits(const Candidate& candidate, std::string_view method, MethodSet bit) const {
    if (candidate.methods & (bit | kAnyMethod)) return true;
    if (bit != 0 || (candidate.methods & kOtherMethods) == 0) return false;
    const auto& methods = rules[candidate.route].match->methods;
    return std::find(methods.begin(), methods.end(), method) != methods.end();
  }

  uint32_t host_id(const std::string& host) {
    if (host.empty()) return kAnyHost;
    auto& names = host.starts_with("*.") ? wildcard_hosts : exact_hosts;
    const auto [entry, added] =
        names.emplace(host.starts_with("*.") ? host.substr(1) : host, static_cast<uint32_t>(hosts.size()));
    if (added) hosts.emplace_back();
    return entry->second;
  }

  void build();

  // Visits the matching patterns of one host in order of precedence until visit returns true.
  template <typename Visit>
  bool visit_host(uint32_t host, std::string_view path, const SplitPath& parts, Visit visit) const;
  static uint64_t hash_of(const Shape& shape, uint32_t host, const SplitPath& parts) {
    uint64_t hash = seed_for(host, Kind::kParameters, parts.count);
    for (size_t i = 0; i < parts.count; ++i)
      hash = hash_mix(hash, shape.mask >> (63 - i) & 1 ? kParameterHash : parts.hashes[i]);
    return hash;
  }
  // True when the literal segments of `pattern` equal those of `path`, which has as many segments.
  static bool agree(std::string_view pattern, const Shape& shape, std::string_view path,
                    const SplitPath& parts) {
    size_t begin = 0;
    for (size_t i = 0; i < parts.count; ++i) {
      const bool parameter = (shape.mask >> (63 - i) & 1) != 0;
      const std::string_view given = path.substr(begin, parts.ends[i] - begin);  // with the slash before it
      const std::string_view expected = parameter ? kParameter : given;
      if (!pattern.starts_with(expected) || (parameter && given.size() == 1)) return false;
      pattern.remove_prefix(expected.size());
      begin = parts.ends[i];
    }
    return pattern.empty();
  }
  void prefetch(uint32_t host, const SplitPath& parts) const;
  template <typename Visit>
  bool visit_all(std::string_view host, std::string_view path, Visit visit) const;
};

void RouteTable::Index::build() {
  hosts.emplace_back();
  struct Entry {
    uint32_t host;
    Kind kind;
    std::string_view text;  // of a Match, or of `renamed`
    bool operator<(const Entry& other) const {
      return std::tie(host, kind, text) < std::tie(other.host, other.kind, other.text);
    }
  };
  std::vector<std::pair<Entry, Candidate>> placed;
  std::deque<std::string> renamed;
  placed.reserve(rules.size());
  for (uint32_t route = 0; route < rules.size(); ++route) {
    const RouteRule& rule = rules[route];
    const Match& match = *rule.match;
    const bool conditional = !match.headers.empty() || !match.query.empty() || !rule.listeners.empty();
    const Candidate candidate{route, method_set(match.methods), conditional};
    if (conditional) {
      predicates.emplace(std::piecewise_construct, std::forward_as_tuple(route),
                         std::forward_as_tuple(match.headers, match.query));
    }
    Entry entry{kAnyHost, Kind::kPrefix, match.path_prefix};
    if (!match.path_regex.empty()) {
      entry.kind = Kind::kRegex;  // the text stays empty: all expressions of a host form one list
    } else if (!match.path.empty()) {
      entry.kind = match.path.find("/{") == std::string::npos ? Kind::kExact : Kind::kParameters;
      entry.text = match.path;
      // Parameter names do not distinguish patterns.
      if (entry.kind == Kind::kParameters)
        entry.text = renamed.emplace_back(without_parameter_names(match.path));
    } else if (entry.text.ends_with('/')) {
      entry.text.remove_suffix(1);  // "/v1/" and "/v1" are the same prefix; "/" becomes match-all
    }
    if (match.hosts.empty()) {
      placed.emplace_back(entry, candidate);
      continue;
    }
    for (const std::string& host : match.hosts) {
      entry.host = host_id(host);
      placed.emplace_back(entry, candidate);
    }
  }
  // Those of one entry stay in their order.
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& one, const auto& other) { return one.first < other.first; });

  size_t text_bytes = 0;
  for (const auto& [entry, candidate] : placed) text_bytes += entry.text.size();
  patterns.reserve(placed.size(), text_bytes);
  std::vector<Candidate> candidates;
  std::vector<uint64_t> hashes;  // of a pattern's segments
  for (size_t begin = 0, end = 0; begin < placed.size(); begin = end) {
    const Entry& entry = placed[begin].first;
    candidates.clear();
    for (end = begin; end < placed.size() && !(entry < placed[end].first); ++end)
      candidates.push_back(placed[end].second);
    sort_by_precedence(candidates);
    if (entry.kind == Kind::kRegex) {
      for (const Candidate& one : candidates)
        hosts[entry.host].expressions.push_back(
            {one, std::make_shared<re2::RE2>(rules[one.route].match->path_regex, re2::RE2::Quiet)});
      continue;
    }
    const PatternStore::Place place = patterns.add(candidates, entry.kind, entry.text);
    Host& host = hosts[entry.host];
    if (entry.text.empty()) {
      host.match_all = place;
      continue;
    }
    Shape shape{0, 0};
    uint64_t hash = 0;
    hashes.clear();
    for (std::string_view rest = entry.text; !rest.empty(); ++shape.segments) {
      const std::string_view segment = next_segment(rest);
      const bool parameter = entry.kind == Kind::kParameters && is_parameter(segment);
      if (parameter) shape.mask |= uint64_t{1} << (63 - shape.segments);
      hashes.push_back(parameter ? kParameterHash : hash_bytes(segment));
    }
    hash = seed_for(entry.host, entry.kind, entry.kind == Kind::kPrefix ? 0 : shape.segments);
    for (const uint64_t segment : hashes) hash = hash_mix(hash, segment);
    if (entry.kind == Kind::kParameters) {
      host.shapes.push_back(shape);
    } else if (entry.kind == Kind::kPrefix) {
      host.prefix_sizes.push_back(static_cast<uint32_t>(shape.segments));
    }
    patterns.index(place, hash);
  }
  for (Host& host : hosts) {
    const auto order = [](const Shape& a, const Shape& b) {
      return std::tie(a.segments, a.mask) < std::tie(b.segments, b.mask);
    };
    const auto same = [](const Shape& a, const Shape& b) {
      return a.segments == b.segments && a.mask == b.mask;
    };
    std::sort(host.shapes.begin(), host.shapes.end(), order);
    host.shapes.erase(std::unique(host.shapes.begin(), host.shapes.end(), same), host.shapes.end());
    std::sort(host.prefix_sizes.rbegin(), host.prefix_sizes.rend());
    host.prefix_sizes.erase(std::unique(host.prefix_sizes.begin(), host.prefix_sizes.end()),
                            host.prefix_sizes.end());
  }
}

// The probes of a large table miss the caches. Prefetching all slots makes the misses overlap.
void RouteTable::Index::prefetch(uint32_t id, const SplitPath& parts) const {
  const Host& host = hosts[id];
  uint64_t hash = seed_for(id, Kind::kExact, parts.count);
  for (size_t i = 0; i < parts.count; ++i) hash = hash_mix(hash, parts.hashes[i]);
  patterns.prefetch(hash);
  for (const Shape& shape : host.shapes) {
    if (shape.segments == parts.count) patterns.prefetch(hash_of(shape, id, parts));
  }
  hash = seed_for(id, Kind::kPrefix, 0);
  size_t done = 0;
  for (auto size = host.prefix_sizes.rbegin(); size != host.prefix_sizes.rend() && *size <= parts.count;
       ++size) {
    while (done < *size) hash = hash_mix(hash, parts.hashes[done++]);
    patterns.prefetch(hash);
  }
}

template <typename Visit>
bool RouteTable::Index::visit_host(uint32_t id, std::string_view path, const SplitPath& parts,
                                   Visit visit) const {
  const Host& host = hosts[id];
  if (!patterns.is_small()) prefetch(id, parts);
  if (!parts.truncated) {
    uint64_t hash = seed_for(id, Kind::kExact, parts.count);
    for (size_t i = 0; i < parts.count; ++i) hash = hash_mix(hash, parts.hashes[i]);
    const Pattern* exact = patterns.find(hash, [&](const Pattern& one) {
      return one.kind == Kind::kExact && PatternStore::text_of(one) == path;
    });
    if (exact != nullptr && visit(*exact)) return true;
    for (const Shape& shape : host.shapes) {
      if (shape.segments != parts.count) continue;
      const Pattern* pattern = patterns.find(hash_of(shape, id, parts), [&](const Pattern& one) {
        return one.kind == Kind::kParameters && agree(PatternStore::text_of(one), shape, path, parts);
      });
      if (pattern != nullptr && visit(*pattern)) return true;
    }
  }
  if (!host.prefix_sizes.empty()) {
    std::array<uint64_t, kMaxSegments + 1> running;
    running[0] = seed_for(id, Kind::kPrefix, 0);
    const size_t deepest = std::min<size_t>(parts.count, host.prefix_sizes.front());
    for (size_t i = 0; i < deepest; ++i) running[i + 1] = hash_mix(running[i], parts.hashes[i]);
    for (const uint32_t segments : host.prefix_sizes) {
      if (segments > parts.count) continue;
      const std::string_view beginning = path.substr(0, parts.ends[segments - 1]);
      const Pattern* prefix = patterns.find(running[segments], [&](const Pattern& one) {
        return one.kind == Kind::kPrefix && PatternStore::text_of(one) == beginning;
      });
      if (prefix != nullptr && visit(*prefix)) return true;
    }
  }
  for (const Expression& one : host.expressions) {
    if (re2::RE2::FullMatch(re2::StringPiece(path.data(), path.size()), *one.regex) &&
        visit(Pattern{one.candidate, 0, 0, 0, Kind::kRegex})) {
      return true;
    }
  }
  return host.match_all != PatternStore::kNone && visit(patterns.at(host.match_all));
}

template <typename Visit>
bool RouteTable::Index::visit_all(std::string_view host, std::string_view path, Visit visit) const {
  SplitPath parts;
  if (path.empty() || path[0] != '/') return false;  // the asterisk-form matches no route
  split(path, parts);
  if (!exact_hosts.empty()) {
    const auto exact = exact_hosts.find(host);
    if (exact != exact_hosts.end() && visit_host(exact->second, path, parts, visit)) return true;
  }
  if (!wildcard_hosts.empty()) {
    for (size_t dot = host.find('.'); dot != std::string_view::npos && dot > 0;
         dot = host.find('.', dot + 1)) {
      const auto wildcard = wildcard_hosts.find(host.substr(dot));
      if (wildcard != wildcard_hosts.end() && visit_host(wildcard->second, path, parts, visit)) return true;
    }
  }
  return visit_host(kAnyHost, path, parts, visit);
}

RouteTable::RouteTable(std::vector<RouteRule> rules) : index_(std::make_unique<Index>()) {
  index_->rules = std::move(rules);
  index_->build();
}
RouteTable::~RouteTable() = default;
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;

MatchResult RouteTable::match(const RequestView& request) const {
  if (request.method != "OPTIONS" || request.fields == nullptr || request.fields->find("origin") == nullptr)
    return match_method(request);
  RequestView wanted = request;
  wanted.method = request.fields->value_of("access-control-request-method");
  if (wanted.method.empty()) return match_method(request);
  const std::vector<RouteRule>& rules = index_->rules;
  const MatchResult later = match_method(wanted);
  const bool is_known = later.outcome == MatchOutcome::kMatched;
  if (is_known && rules[later.route].answers_preflight) return later;
  const MatchResult now = match_method(request);
  if (!is_known || now.outcome != MatchOutcome::kMatched || !rules[now.route].answers_preflight) return now;
  const std::vector<std::string>& methods = rules[now.route].match->methods;
  if (std::find(methods.begin(), methods.end(), "OPTIONS") != methods.end()) return now;
  return {MatchOutcome::kMethodNotAllowed, 0, later.route};
}

MatchResult RouteTable::match_method(const RequestView& request) const {
  MatchResult result;
  const MethodSet bit = method_bit(request.method);
  index_->visit_all(request.host, request.path, [&](const Pattern& pattern) {
    return index_->patterns.visit_candidates(pattern, [&](const Candidate& candidate) {
      if (!index_->predicates_hold(candidate, request)) return false;
      if (!index_->admits(candidate, request.method, bit)) {
        if (result.outcome == MatchOutcome::kNoRoute)
          result = {MatchOutcome::kMethodNotAllowed, 0, candidate.route};
        return false;
      }
      result = {MatchOutcome::kMatched, candidate.route};
      return true;
    });
  });
  return result;
}

std::vector<std::string> RouteTable::allowed_methods(const RequestView& request) const {
  std::vector<std::string> allowed;
  index_->visit_all(request.host, request.path, [&](const Pattern& pattern) {
    return index_->patterns.visit_candidates(pattern, [&](const Candidate& candidate) {
      if (!index_->predicates_hold(candidate, request)) return false;
      const std::vector<std::string>& methods = index_->rules[candidate.route].match->methods;
      allowed.insert(allowed.end(), methods.begin(), methods.end());
      return false;
    });
  });
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  return allowed;
}

}  // namespace portcullis::routing
