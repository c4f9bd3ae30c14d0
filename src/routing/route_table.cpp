#include "routing/route_table.h"

#include <algorithm>

#include "routing/route_index.h"

namespace portcullis::routing {
namespace {

using Kind = PatternKind;

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

}  // namespace

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
