#pragma once

#include <vector>

#include "config/model.h"
#include "policy/insight.h"
#include "routing/route_table.h"

namespace portcullis::control::warnings {

// A policy where it stands, with what its settings say.
struct PlacedUse {
  const config::PolicyUse* use;
  policy::Insight insight;
};

// What the checks look at: a checked configuration, and what follows from it. Refers to the configuration.
class Facts {
 public:
  explicit Facts(const config::Config& config);

  const config::Config& config() const { return config_; }
  // The policies of the top level, in their order.
  const std::vector<PlacedUse>& shared() const { return shared_; }
  // The policies of a route alone, by its index; those of the top level run before them.
  const std::vector<PlacedUse>& own(size_t route) const { return own_[route]; }
  const std::vector<routing::RouteRule>& rules() const { return rules_; }

  // Calls `visit(policy, is it the route's own)` for all policies of a route in the order in which they run.
  template <typename Visit>
  void for_each_policy(size_t route, Visit visit) const {
    for (const PlacedUse& one : shared_) visit(one, false);
    for (const PlacedUse& one : own_[route]) visit(one, true);
  }

  // Calls `visit(policy)` for each policy, those of the top level once.
  template <typename Visit>
  void for_each_use(Visit visit) const {
    for (const PlacedUse& one : shared_) visit(one);
    for (const std::vector<PlacedUse>& uses : own_) {
      for (const PlacedUse& one : uses) visit(one);
    }
  }

 private:
  const config::Config& config_;
  std::vector<PlacedUse> shared_;
  std::vector<std::vector<PlacedUse>> own_;
  std::vector<routing::RouteRule> rules_;
};

}  // namespace portcullis::control::warnings
