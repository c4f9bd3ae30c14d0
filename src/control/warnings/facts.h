#pragma once

#include <cstddef>
#include <vector>

#include "config/model.h"
#include "policy/insight.h"
#include "routing/route_table.h"

namespace portcullis::control::warnings {

// A policy at its place in the configuration, with the Insight of its settings.
struct PlacedUse {
  const config::PolicyUse* use;
  policy::Insight insight;
  const config::PolicySet* set = nullptr;  // the policy set that it is in; null for none
};

// The input of the checks: a checked configuration and properties that follow from it. Refers to the
// configuration, which outlives this object.
class Facts {
 public:
  explicit Facts(const config::Config& config);

  const config::Config& config() const { return config_; }
  // The policies of the top level, in the order in which they run.
  const std::vector<PlacedUse>& shared() const { return shared_; }
  // The policies of the route with this index, without those of the top level, which run before them.
  const std::vector<PlacedUse>& own(size_t route) const { return own_[route]; }
  const std::vector<routing::RouteRule>& rules() const { return rules_; }

  // Calls `visit(policy, own)` for all policies of a route in the order in which they run. `own` is false for
  // policies of the top level.
  template <typename Visit>
  void for_each_policy(size_t route, Visit visit) const {
    for (const PlacedUse& one : shared_) visit(one, false);
    for (const PlacedUse& one : own_[route]) visit(one, true);
  }

  // Calls `visit(policy)` for each policy of the configuration; policies of the top level and of policy sets
  // are visited once.
  template <typename Visit>
  void for_each_use(Visit visit) const {
    const auto visit_all = [&](const std::vector<PlacedUse>& uses, const config::PolicySet* set) {
      for (const PlacedUse& one : uses) {
        if (one.set == set) visit(one);
      }
    };
    visit_all(shared_, nullptr);
    for (const std::vector<PlacedUse>& uses : own_) visit_all(uses, nullptr);
    for (size_t i = 0; i < sets_.size(); ++i) visit_all(sets_[i], &config_.policy_sets[i]);
  }

 private:
  std::vector<PlacedUse> placed_uses(const config::PolicyList& list) const;

  const config::Config& config_;
  const config::PolicySets names_;
  std::vector<std::vector<PlacedUse>> sets_;  // the policies of each policy set
  std::vector<PlacedUse> shared_;
  std::vector<std::vector<PlacedUse>> own_;
  std::vector<routing::RouteRule> rules_;
};

}  // namespace portcullis::control::warnings
