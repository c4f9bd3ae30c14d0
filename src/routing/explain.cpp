#include "routing/explain.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/hash.h"
#include "base/text.h"
#include "routing/pattern.h"

namespace portcullis::routing {
namespace {

bool host_matches(const std::string& pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  const std::string_view suffix = std::string_view(pattern).substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

bool matches_path(const Match& match, std::string_view path) {
  // A table with this rule alone decides, so that explanations cannot differ from matching.
  auto alone = std::make_shared<const Match>(Match{{}, match.path, match.path_prefix, {}, match.path_regex});
  return RouteTable({{std::move(alone)}}).match({"", path, "GET"}).outcome == MatchOutcome::kMatched;
}

std::string describe_path(const Match& match) {
  if (!match.path_regex.empty()) return "does not match `" + match.path_regex + "`";
  if (!match.path.empty()) return "is not `" + match.path + "`";
  return "is not below `" + match.path_prefix + "`";
}

// The predicates on headers, query and listeners, in a fixed order.
std::string predicates_of(const RouteRule& rule) {
  const Match& match = *rule.match;
  if (match.headers.empty() && match.query.empty() && rule.listeners.empty()) return "";
  std::set<std::string> all;
  for (const Predicate& one : match.headers) all.insert(describe(one, "header"));
  for (const Predicate& one : match.query) all.insert(describe(one, "query"));
  for (const std::string& one : rule.listeners) all.insert("listener " + one);
  std::string out;
  for (const std::string& one : all) out += " " + one;
  return out;
}

// The prefixes "/v1/" and "/v1" are the same.
std::string_view without_last_slash(std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

// What two rules must share in order to compete for the same requests: the kind and text of the path, without
// parameter names.
std::string pattern_of(const Match& match) {
  if (!match.path_regex.empty()) return "regex " + match.path_regex;
  if (match.path.empty()) return "prefix " + std::string(without_last_slash(match.path_prefix));
  return "path " + without_parameter_names(match.path);
}

// Rules with the same pattern_of() and predicates_of() have the same hash.
uint64_t hash_of(const RouteRule& rule) {
  const Match& match = *rule.match;
  uint64_t hash = hash_bytes(match.path_regex);
  if (!match.path_regex.empty()) return hash_mix(hash, hash_bytes(predicates_of(rule)));
  hash = hash_mix(hash, hash_bytes(without_last_slash(match.path_prefix)));
  for (std::string_view rest = match.path; !rest.empty();) {
    const std::string_view segment = next_segment(rest);
    hash = hash_mix(hash, is_parameter(segment) ? 0 : hash_bytes(segment));
  }
  return hash_mix(hash, hash_bytes(predicates_of(rule)));
}

const std::vector<std::string>& hosts_of(const RouteRule& rule) {
  static const std::vector<std::string> any_host{""};
  return rule.match->hosts.empty() ? any_host : rule.match->hosts;
}

// Finds the rules that share a host, a pattern and predicates with another rule. The few that only have the
// same hash may be among them.
class Competitors {
 public:
  explicit Competitors(const std::vector<RouteRule>& rules) {
    of_rules_.reserve(rules.size());
    sorted_.reserve(rules.size());
    for (const RouteRule& rule : rules) {
      of_rules_.push_back(hash_of(rule));
      for (const std::string& host : hosts_of(rule)) sorted_.push_back(with_host(of_rules_.back(), host));
    }
    std::sort(sorted_.begin(), sorted_.end());
  }

  // Whether the rule with this index has a competitor at `host`, one of its hosts_of().
  bool has(size_t rule, const std::string& host) const {
    const auto found = std::lower_bound(sorted_.begin(), sorted_.end(), with_host(of_rules_[rule], host));
    return found + 1 != sorted_.end() && found[0] == found[1];
  }

 private:
  static uint64_t with_host(uint64_t hash, const std::string& host) {
    return hash_mix(hash, hash_bytes(host));
  }

  std::vector<uint64_t> of_rules_;
  std::vector<uint64_t> sorted_;  // of each host of each rule
};

}  // namespace

std::vector<Judgement> judge(const std::vector<RouteRule>& rules, const MatchResult& result,
                             const RequestView& request) {
  std::vector<Judgement> out;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const RouteRule& rule = rules[i];
    const Match& match = *rule.match;
    const auto say = [&](Verdict verdict, std::string reason) {
      out.push_back({i, verdict, std::move(reason)});
    };
    const bool host_fits = match.hosts.empty() || std::any_of(match.hosts.begin(), match.hosts.end(),
                                                              [&](const std::string& pattern) {
                                                                return host_matches(pattern, request.host);
                                                              });
    const bool method_fits = match.methods.empty() || std::find(match.methods.begin(), match.methods.end(),
                                                                request.method) != match.methods.end();
    const std::string unmet = Predicates(match.headers, match.query).why_not(request.fields, request.query);
    if (result.outcome == MatchOutcome::kMatched && result.route == i) {
      say(Verdict::kChosen, "matches");
    } else if (!rule.answers_on(request.listener)) {
      say(Verdict::kOtherListener,
          "the route is only on " + join(rule.listeners) + ", not on " + std::string(request.listener));
    } else if (!host_fits) {
      say(Verdict::kOtherHost, "host `" + std::string(request.host) + "` is not " + join(match.hosts));
    } else if (!matches_path(match, request.path)) {
      say(Verdict::kOtherPath, "path `" + std::string(request.path) + "` " + describe_path(match));
    } else if (!method_fits) {
      say(Verdict::kOtherMethod, "method " + std::string(request.method) + " is not " + join(match.methods));
    } else if (!unmet.empty()) {
      say(Verdict::kOtherPredicate, unmet);
    } else {
      say(Verdict::kOutranked, "matches too, but another route takes precedence");
    }
  }
  return out;
}

std::string why_preferred(const RouteRule& chosen, const RouteRule& other, std::string_view host) {
  // The rank of the best matching host: a longer wildcard ranks higher, an exact host highest.
  const auto host_rank = [&](const RouteRule& rule) {
    size_t best = 0;
    for (const std::string& pattern : rule.match->hosts) {
      if (host_matches(pattern, host))
        best = std::max(best, pattern.starts_with("*.") ? pattern.size() : SIZE_MAX);
    }
    return best;
  };
  if (host_rank(chosen) != host_rank(other)) return "is for a more exact host";
  const auto path_rank = [](const Match& match) {
    if (!match.path.empty()) return match.path.find('{') != std::string::npos ? 3 : 4;
    if (!match.path_regex.empty()) return 1;
    return match.path_prefix.size() > 1 ? 2 : 0;
  };
  const int rank = path_rank(*chosen.match);
  const bool same_pattern = pattern_of(*chosen.match) == pattern_of(*other.match);
  if (rank != path_rank(*other.match) || (rank == 3 && !same_pattern)) return "is for a more exact path";
  if (rank == 2 && !same_pattern) return "is for a longer prefix";
  if (chosen.predicate_count() != other.predicate_count()) return "has more conditions";
  return "comes first in the configuration";
}

std::vector<Shadowed> unreachable_rules(const std::vector<RouteRule>& rules) {
  std::vector<Shadowed> out;
  // For each host, pattern and set of other predicates, the rules so far. Rules with methods are tried before
  // rules without, and each group in its order. So a rule can only be shadowed by rules of its group; a rule
  // without methods only by another one without methods.
  struct Seen {
    std::optional<uint32_t> any;
    std::map<std::string_view, uint32_t> by_method{};
  };
  std::unordered_map<std::string, Seen> seen;
  const Competitors competitors(rules);
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const RouteRule& rule = rules[i];
    const std::vector<std::string>& methods = rule.match->methods;
    std::string pattern;
    std::optional<uint32_t> by;
    bool reachable = false;
    for (const std::string& host : hosts_of(rule)) {
      if (!competitors.has(i, host)) {
        reachable = true;
        continue;
      }
      if (pattern.empty()) pattern = "\n" + pattern_of(*rule.match) + predicates_of(rule);
      Seen& here = seen[host + pattern];
      if (methods.empty()) {
        here.any ? (void)(by = here.any) : (void)(reachable = true, here.any = i);
        continue;
      }
      for (const std::string& method : methods) {
        const auto [first, inserted] = here.by_method.emplace(method, i);
        if (inserted || first->second == i) {
          reachable = true;
        } else {
          by = first->second;
        }
      }
    }
    if (!reachable && by) out.push_back({i, *by});
  }
  return out;
}

}  // namespace portcullis::routing
