#include "control/warnings/facts.h"

#include <variant>

#include "control/route_setup.h"
#include "policy/registry.h"

namespace portcullis::control::warnings {
namespace {

std::vector<std::vector<PlacedUse>> policies_of_sets(const config::Config& config) {
  std::vector<std::vector<PlacedUse>> out(config.policy_sets.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const config::PolicySet& set = config.policy_sets[i];
    for (const config::PolicyUse& use : set.policies) out[i].push_back({&use, policy::insight_of(use), &set});
  }
  return out;
}

}  // namespace

Facts::Facts(const config::Config& config)
    : config_(config),
      names_(config.policy_sets),
      sets_(policies_of_sets(config)),
      shared_(placed_uses(config.policies)),
      rules_(route_rules(config)) {
  own_.reserve(config.routes.size());
  for (const config::Route& route : config.routes) own_.push_back(placed_uses(route.policies));
}

// Policies of sets are copies, because their insights take long to find.
std::vector<PlacedUse> Facts::placed_uses(const config::PolicyList& list) const {
  std::vector<PlacedUse> out;
  out.reserve(list.size());
  for (const config::PolicyEntry& entry : list) {
    if (const auto* use = std::get_if<config::PolicyUse>(&entry)) {
      out.push_back({use, policy::insight_of(*use)});
    } else if (const auto at = names_.position(std::get<config::PolicySetUse>(entry).name)) {
      out.insert(out.end(), sets_[*at].begin(), sets_[*at].end());
    }
  }
  return out;
}

}  // namespace portcullis::control::warnings
