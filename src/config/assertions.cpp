#include "config/assertions.h"

#include <algorithm>

#include "base/text.h"
#include "config/field_types.h"
#include "config/model.h"
#include "http/path.h"

namespace portcullis::config {
namespace {

// Removes the first segment of `path`, including its slash, and returns it.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

// True when a path that matches the pattern can lie below the prefix.
bool pattern_reaches(std::string_view pattern, std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  while (!prefix.empty()) {
    if (pattern.empty()) return false;
    const std::string_view wanted = next_segment(prefix), segment = next_segment(pattern);
    if (!segment.starts_with('{') && segment != wanted) return false;
  }
  return true;
}

bool hosts_meet(const std::string& a, const std::string& b) {
  const auto covers = [](std::string_view wildcard, std::string_view host) {
    return wildcard.starts_with("*.") && host.ends_with(wildcard.substr(1));
  };
  return a == b || covers(a, b) || covers(b, a);
}

template <typename Same>
bool intersect(const std::vector<std::string>& a, const std::vector<std::string>& b, Same same) {
  if (a.empty() || b.empty()) return true;  // empty: any
  return std::any_of(a.begin(), a.end(), [&](const std::string& one) {
    return std::any_of(b.begin(), b.end(), [&](const std::string& other) { return same(one, other); });
  });
}

// True when the route takes all requests below the prefix, except those that a longer or exact path takes.
bool takes_all_below(const Route& route, std::string_view prefix) {
  const Match& match = route.match;
  return !match.path_prefix.empty() && http::is_below(prefix, match.path_prefix) && match.hosts.empty() &&
         match.methods.empty() && match.headers.empty() && match.query.empty() && match.listeners.empty();
}

class Reach {
 public:
  Reach(const Config& config, const Assertion& assertion) : assertion_(assertion) {
    // A server may read `//admin` and `/admin;x` as `/admin`, while no route with that prefix matches these
    // paths here. If a listener accepts such paths, a wider route can get requests below the prefix, whatever
    // other routes exist.
    if (std::any_of(config.listeners.begin(), config.listeners.end(), [](const Listener& listener) {
          return !listener.merge_slashes || listener.ambiguous_paths != AmbiguousPaths::kRefuse;
        }))
      return;
    for (const Route& route : config.routes) {
      if (takes_all_below(route, assertion.path_prefix))
        covered_from_ = std::max(covered_from_, route.match.path_prefix.size());
    }
  }

  bool holds(const Route& route) const {
    return path_reaches(route.match) && intersect(route.match.hosts, assertion_.hosts, hosts_meet) &&
           intersect(route.match.methods, assertion_.methods, std::equal_to<>());
  }

 private:
  bool path_reaches(const Match& match) const {
    const std::string& prefix = assertion_.path_prefix;
    if (prefix.empty()) return true;
    if (!match.path.empty()) return pattern_reaches(match.path, prefix);
    if (!match.path_prefix.empty() && http::is_below(match.path_prefix, prefix)) return true;
    // A wider prefix, an expression, or no path at all: can get requests unless another route takes all of
    // them first.
    if (!match.path_prefix.empty())
      return http::is_below(prefix, match.path_prefix) && match.path_prefix.size() >= covered_from_;
    return covered_from_ == 0;
  }

  const Assertion& assertion_;
  size_t covered_from_ = 0;  // length of the longest prefix that takes all requests of the assertion
};

bool has_policy(const Config& config, const PolicySets& sets, const Route& route, const std::string& name) {
  const auto is_it = [&](const PolicyUse& use) { return use.name == name; };
  return sets.any_policy(config.policies, is_it) || sets.any_policy(route.policies, is_it);
}

// The missing policies of the route, or "".
std::string lack_of(const Config& config, const PolicySets& sets, const Route& route,
                    const Assertion& assertion) {
  const auto has = [&](const std::string& name) { return has_policy(config, sets, route, name); };
  for (const std::string& name : assertion.requires_all) {
    if (!has(name)) return "`" + name + "`";
  }
  const auto& any = assertion.requires_any;
  if (any.empty() || std::any_of(any.begin(), any.end(), has)) return "";
  return "any of `" + join(any) + "`";
}

}  // namespace

namespace {

Type<std::vector<std::string>> policy_names_type(const PolicyCatalog& catalog) {
  return list_of<std::string>(
      checked_text("a policy's name", "", "key_auth", [catalog](const std::string& name) -> std::string {
        std::vector<std::string_view> known;
        for (const PolicyType& one : catalog) {
          if (one.name == name) return "";
          known.push_back(one.name);
        }
        return "there is no policy `" + name + "`" + suggestion_for(name, known);
      }));
}

Type<Assertion> every_route_type() {
  auto every_route = std::make_shared<ObjectType<Assertion>>(
      "every_route",
      "The routes for which the assertion holds. When this is empty, it holds for all routes.");
  every_route
      ->optional("path_prefix", &Assertion::path_prefix, plain_path_type(),
                 "Only routes that can get a request below this path.")
      .optional("hosts", &Assertion::hosts, list_of<std::string>(host_type()),
                "Only routes that can get a request for one of these hosts.")
      .default_in_words("any")
      .optional("methods", &Assertion::methods, list_of<std::string>(method_type()),
                "Only routes that can get a request with one of these methods.")
      .default_in_words("any")
      .optional("except", &Assertion::except, list_of<std::string>(text("health")),
                "Names of routes for which the assertion does not hold.");
  return every_route;
}

}  // namespace

Type<Assertion> assertion_type(const PolicyCatalog& catalog) {
  const auto policy_names = policy_names_type(catalog);
  auto assertion = std::make_shared<ObjectType<Assertion>>(
      "assertion",
      "Rules that the configuration must meet. When a route breaks one, loading fails and the message names "
      "the route, so that no route is left open by mistake.");
  assertion->locate(&Assertion::location)
      .required_part("every_route", every_route_type(), "The routes for which the assertion holds.")
      .optional(
          "requires", &Assertion::requires_all, policy_names,
          "Policies that each of these routes must have, in its own `policies` or in those of the top level.")
      .optional("requires_any", &Assertion::requires_any, policy_names,
                "Policies of which each of these routes must have at least one.");
  return assertion;
}

namespace {

// "`a, b`" after a word; nothing for an empty list.
std::string quoted_list(const std::string& word, const std::vector<std::string>& names) {
  return names.empty() ? "" : word + "`" + join(names) + "`";
}

std::string text_of(const Assertion& assertion) {
  std::string out = "every route";
  if (!assertion.path_prefix.empty()) out += " below `" + assertion.path_prefix + "`";
  out += quoted_list(" for ", assertion.hosts) + quoted_list(" with the method ", assertion.methods) +
         quoted_list(" except ", assertion.except);
  out += quoted_list(" has ", assertion.requires_all);
  if (!assertion.requires_all.empty() && !assertion.requires_any.empty()) out += " and";
  return out + quoted_list(" has any of ", assertion.requires_any);
}

// The routes that violate the assertion, each in a sentence.
std::vector<std::string> faults_of(const Config& config, const Assertion& assertion) {
  std::vector<std::string> out;
  const Reach reach(config, assertion);
  const PolicySets sets(config.policy_sets);
  for (const Route& route : config.routes) {
    const bool excepted =
        std::find(assertion.except.begin(), assertion.except.end(), route.name) != assertion.except.end();
    if (excepted || !reach.holds(route)) continue;
    const std::string lacking = lack_of(config, sets, route, assertion);
    if (lacking.empty()) continue;
    out.push_back("the assertion does not hold: route `" + route.name + "` (" +
                  route.location.seen_from(assertion.location) + ") lacks " + lacking);
  }
  return out;
}

}  // namespace

std::vector<JudgedAssertion> check_assertions(const Config& config, Diagnostics& diagnostics) {
  std::vector<JudgedAssertion> out;
  for (const Assertion& assertion : config.assertions) {
    JudgedAssertion judged{text_of(assertion), {}};
    if (assertion.requires_all.empty() && assertion.requires_any.empty()) {
      judged.faults = {"an assertion needs `requires` or `requires_any`"};
    } else {
      std::vector<std::string_view> known;
      for (const Route& route : config.routes) known.push_back(route.name);
      for (const std::string& name : assertion.except)
        diagnostics.refuse_unknown("route", name, known, assertion.location);
      judged.faults = faults_of(config, assertion);
    }
    for (const std::string& fault : judged.faults) diagnostics.error(assertion.location, fault);
    out.push_back(std::move(judged));
  }
  return out;
}

}  // namespace portcullis::config
