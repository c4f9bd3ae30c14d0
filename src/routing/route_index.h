#pragma once

#include <re2/re2.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "routing/pattern_store.h"
#include "routing/route_table.h"

namespace portcullis::routing {

// The value in the hash of a pattern that stands for a parameter.
inline constexpr uint64_t kParameterHash = 0x51ED270B0A1F39C1ull;
// A parameter in the text of a pattern, as without_parameter_names() writes it.
inline constexpr std::string_view kParameter = "/{_}";
// The host of the rules for all hosts.
inline constexpr uint32_t kAnyHost = 0;
inline constexpr MethodSet kAnyMethod = 1u << 15;
inline constexpr MethodSet kOtherMethods = 1u << 14;

// The bit of a common method; 0 for other methods.
MethodSet method_bit(std::string_view method);

// The beginning of the hash of all patterns of one host and kind. `segments` is 0 for prefixes.
inline uint64_t seed_for(uint32_t host, PatternKind kind, size_t segments) {
  return hash_mix(uint64_t{host} << 8 | static_cast<uint64_t>(kind), segments);
}

// The hashes of a path's segments, computed once per request.
struct SplitPath {
  std::array<uint64_t, RouteTable::kMaxSegments> hashes;
  std::array<uint32_t, RouteTable::kMaxSegments + 1>
      ends;  // ends[i]: length of the path up to and including segment i
  size_t count = 0;
  bool truncated = false;
};

// The content of a table: the rules, and the patterns by which they are found. Immutable after build().
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
    if (!candidate.conditional) return true;
    const RouteRule& rule = rules[candidate.route];
    if (!rule.answers_on(request.listener)) return false;
    if (request.doubt != nullptr) note_doubt(*rule.match, *request.doubt);
    return predicates.at(candidate.route).admit(request.fields, request.query);
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

  struct Builder;
  // Fills the rest from `rules`.
  void build();

  // Visits the matching patterns of one host in order of precedence until visit returns true.
  template <typename Visit>
  bool visit_host(uint32_t host, std::string_view path, const SplitPath& parts, Visit visit) const;
  static uint64_t hash_of(const Shape& shape, uint32_t host, const SplitPath& parts) {
    uint64_t hash = seed_for(host, PatternKind::kParameters, parts.count);
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

}  // namespace portcullis::routing
