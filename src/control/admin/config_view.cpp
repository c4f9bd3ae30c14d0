#include "control/admin/config_view.h"

#include <nlohmann/json.hpp>

namespace portcullis::control {
namespace {

using nlohmann::json;

std::string place_of(const config::Location& location) {
  return location.file.text() + ":" + std::to_string(location.line());
}

json describe(const config::PolicyList& policies, const config::PolicySets& sets) {
  json out = json::array();
  sets.for_each_policy(policies, [&](const config::PolicyUse& one, const config::PolicySet* set) {
    out.push_back({{"name", one.name}, {"place", place_of(one.location)}});
    if (set != nullptr) out.back()["policy_set"] = set->name;
  });
  return out;
}

json describe(const std::vector<config::Predicate>& conditions) {
  using Kind = config::Predicate::Kind;
  json out = json::array();
  for (const config::Predicate& one : conditions) {
    out.push_back(one.name + (one.kind == Kind::kEquals    ? " = " + one.text
                              : one.kind == Kind::kMatches ? " ~ " + one.text
                              : one.kind == Kind::kPresent ? " is present"
                                                           : " is absent"));
  }
  return out;
}

json describe(const config::Route& route, const config::PolicySets& sets) {
  json out{{"name", route.name},
           {"place", place_of(route.location)},
           {"hosts", route.match.hosts},
           {"methods", route.match.methods},
           {"headers", describe(route.match.headers)},
           {"query", describe(route.match.query)},
           {"listeners", route.match.listeners},
           {"policies", describe(route.policies, sets)},
           {"upstream", route.upstream},
           {"split", json::array()}};
  const config::Match& match = route.match;
  out["path"] = !match.path.empty()         ? match.path
                : !match.path_regex.empty() ? "~ " + match.path_regex
                                            : match.path_prefix;
  out["path_kind"] = !match.path.empty() ? "exact" : !match.path_regex.empty() ? "regex" : "prefix";
  if (!route.rewrite.path.empty()) out["rewrite"] = "path: " + route.rewrite.path;
  if (!route.rewrite.strip_prefix.empty()) out["rewrite"] = "without " + route.rewrite.strip_prefix;
  for (const config::Branch& branch : route.split)
    out["split"].push_back({{"name", branch.label()},
                            {"upstream", branch.upstream},
                            {"weight", branch.share()},
                            {"when", branch.when}});
  return out;
}

json describe(const config::Upstream& upstream) {
  json out{{"name", upstream.name},
           {"place", place_of(upstream.location)},
           {"balance", portcullis::name_of(upstream.balance)},
           {"protocol", portcullis::name_of(upstream.protocol)},
           {"tls", upstream.tls.enabled()},
           {"targets", json::array()}};
  for (const config::Target& target : upstream.targets)
    out["targets"].push_back({{"address", target.address}, {"weight", target.weight}});
  if (upstream.discover.enabled()) out["discover"] = upstream.discover.describe();
  return out;
}

}  // namespace

json describe_config(const config::Config& config) {
  const config::PolicySets sets(config.policy_sets);
  json out{{"listeners", json::array()},
           {"routes", json::array()},
           {"upstreams", json::array()},
           {"consumers", json::array()},
           {"policies", describe(config.policies, sets)}};
  for (const config::Listener& one : config.listeners)
    out["listeners"].push_back({{"name", one.name},
                                {"address", one.address},
                                {"tls", one.tls.enabled()},
                                {"place", place_of(one.location)}});
  for (const config::Route& one : config.routes) out["routes"].push_back(describe(one, sets));
  for (const config::Upstream& one : config.upstreams) out["upstreams"].push_back(describe(one));
  for (const config::Consumer& one : config.consumers)
    out["consumers"].push_back({{"name", one.name}, {"groups", one.groups}, {"plan", one.plan}});
  return out;
}

}  // namespace portcullis::control
