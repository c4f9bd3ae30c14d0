#include "routing/explain.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "routing/pattern.h"

namespace portcullis::routing {
namespace {

bool host_matches(const std::string& pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  const std::string_view suffix = std::string_view(pattern).substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

bool matches_path(const RouteRule& rule, std::string_view path) {
  // A table with this rule alone decides, so that explanations cannot differ from matching.
  RouteRule alone{{}, rule.path, rule.prefix, {}, rule.regex};
  return RouteTable({std::move(alone)}).match({"", path, "GET"}).outcome == MatchOutcome::kMatched;
}

std::string describe_path(const RouteRule& rule) {
  if (!rule.regex.empty()) return "does not match `" + rule.regex + "`";
  if (!rule.path.empty()) return "is not `" + rule.path + "`";
  return "is not below `" + rule.prefix + "`";
}

// The predicates on headers, query and listeners, in a fixed order.
std::string predicates_of(const RouteRule& rule) {
  if (rule.predicate_count() == 0) return "";
  std::set<std::string> all;
  for (const Predicate& one : rule.headers) all.insert(describe(one, "header"));
  for (const Predicate& one : rule.query) all.insert(describe(one, "query"));
  for (const std::string& one : rule.listeners) all.insert("listener " + one);
  std::string out;
  for (const std::string& one : all) out += " " + one;
  return out;
}

// What two rules must share in order to compete for the same requests: the kind and text of the path, without
// parameter names.
std::string pattern_of(const RouteRule& rule) {
  if (!rule.regex.empty()) return "regex " + rule.regex;
  if (rule.path.empty()) {
    std::string prefix = rule.prefix;
    if (prefix.ends_with('/')) prefix.pop_back();
    return "prefix " + prefix;
  }
  return "path " + without_parameter_names(rule.path);
}

}  // namespace

std::vector<Judgement> judge(const std::vector<RouteRule>& rules, const MatchResult& result,
                             const RequestView& request) {
  std::vector<Judgement> out;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const RouteRule& rule = rules[i];
    const auto say = [&](Verdict verdict, std::string reason) {
      out.push_back({i, verdict, std::move(reason)});
    };
    const bool host_fits = rule.hosts.empty() ||
                           std::any_of(rule.hosts.begin(), rule.hosts.end(), [&](const std::string& pattern) {
                             return host_matches(pattern, request.host);
                           });
    const bool method_fits = rule.methods.empty() || std::find(rule.methods.begin(), rule.methods.end(),
                                                               request.method) != rule.methods.end();
    const std::string unmet = Predicates(rule.headers, rule.query).why_not(request.fields, request.query);
    if (result.outcome == MatchOutcome::kMatched && result.route == i) {
      say(Verdict::kChosen, "matches");
    } else if (!rule.answers_on(request.listener)) {
      say(Verdict::kOtherListener,
          "the route is only on " + join(rule.listeners) + ", not on " + std::string(request.listener));
    } else if (!host_fits) {
      say(Verdict::kOtherHost, "host `" + std::string(request.host) + "` is not " + join(rule.hosts));
    } else if (!matches_path(rule, request.path)) {
      say(Verdict::kOtherPath, "path `" + std::string(request.path) + "` " + describe_path(rule));
    } else if (!method_fits) {
      say(Verdict::kOtherMethod, "method " + std::string(request.method) + " is not " + join(rule.methods));
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
    for (const std::string& pattern : rule.hosts) {
      if (host_matches(pattern, host))
        best = std::max(best, pattern.starts_with("*.") ? pattern.size() : SIZE_MAX);
    }
    return best;
  };
  if (host_rank(chosen) != host_rank(other)) return "is for a more exact host";
  const auto has_parameters = [](const RouteRule& rule) { return rule.path.find('{') != std::string::npos; };
  const auto path_rank = [&](const RouteRule& rule) {
    if (!rule.path.empty()) return has_parameters(rule) ? 3 : 4;
    if (!rule.regex.empty()) return 1;
    return rule.prefix.size() > 1 ? 2 : 0;
  };
  if (path_rank(chosen) != path_rank(other) ||
      (path_rank(chosen) == 3 && pattern_of(chosen) != pattern_of(other)))
    return "is for a more exact path";
  if (path_rank(chosen) == 2 && pattern_of(chosen) != pattern_of(other)) return "is for a longer prefix";
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
  seen.reserve(rules.size());
  const std::vector<std::string> any_host{""};
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const RouteRule& rule = rules[i];
    const std::string pattern = "\n" + pattern_of(rule) + predicates_of(rule);
    std::optional<uint32_t> by;
    bool reachable = false;
    for (const std::string& host : rule.hosts.empty() ? any_host : rule.hosts) {
      Seen& here = seen[host + pattern];
      if (rule.methods.empty()) {
        here.any ? (void)(by = here.any) : (void)(reachable = true, here.any = i);
        continue;
      }
      for (const std::string& method : rule.methods) {
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
