#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/retry_budget.h"

namespace portcullis::upstream {

// The current addresses of a host name; their ports are ignored.
using Addresses = std::vector<SocketAddress>;

// The targets that a route chooses from: all targets of an upstream, or those with certain metadata. They are
// grouped by rank; the first group serves as long as enough of its targets are available, the next groups
// serve the rest.
class Subset {
 public:
  Subset(const UpstreamDefinition& upstream, const std::vector<Target*>& targets);

  Target* pick(const Wish& wish, Random& random);
  // The target with that id, if it exists, is eligible and was not tried.
  Target* find(uint64_t id, uint64_t tried) const;

 private:
  struct Group {
    std::vector<Target*> targets;
    std::unique_ptr<Balancer> balancer;
  };
  Target* pick_in(size_t group, const Wish& wish, uint64_t tried, bool admit_all, Random& random);
  size_t group_for(uint64_t hash) const;
  bool panics() const;

  std::vector<Group> groups_;  // by rank; no group is empty
  double panic_threshold_;
};

// One worker's view of an upstream.
class Upstream {
 public:
  Upstream(EventLoop& loop, std::shared_ptr<const UpstreamDefinition> definition, uint64_t seed);

  const UpstreamDefinition& definition() const { return *definition_; }
  size_t target_count() const { return targets_.size(); }

  // Sets the addresses of `host`, if a target has this host name. Targets that stay keep their connections
  // and state; exchanges with removed targets end normally.
  void set_addresses(const std::string& host, const Addresses& addresses);
  // Sets the discovered targets, in addition to those of the definition. `known` has the addresses of host
  // names.
  void set_discovered(std::shared_ptr<const TargetList> discovered,
                      const std::map<std::string, Addresses>& known);

  // Chooses the target for an attempt. Targets in `tried` (one bit each for the first 64) are chosen only
  // when no other is left. Null when there is no target: no name has been resolved yet, or all targets are
  // drained.
  Target* pick(uint64_t tried) { return pick(0, {tried, random_.next()}); }
  Target* pick(size_t subset, const Wish& wish) { return subsets_[subset].pick(wish, random_); }
  // The target with that id in the subset, if it exists, is eligible and was not tried; for sticky clients.
  Target* find(size_t subset, uint64_t id, uint64_t tried) const { return subsets_[subset].find(id, tried); }
  uint64_t random() { return random_.next(); }
  RetryBudget& retry_budget() { return retry_budget_; }
  RetryBudget& hedge_budget() { return hedge_budget_; }
  // Takes one more unit of this load, or nothing when the circuit breaker is open.
  std::optional<Breaker::Slot> take(Load load) {
    return definition_->breaker->take(load, definition_->limits);
  }
  // Closes one idle connection to any target; false when there is none.
  bool close_one_idle();
  static uint64_t bit_of(const Target& target) { return target.index < 64 ? uint64_t{1} << target.index : 0; }

 private:
  // A removed target, kept with its definition until its last exchange has ended.
  struct Retired {
    std::unique_ptr<Target> target;
    std::shared_ptr<const TargetList> described_in;
  };
  bool uses(const std::string& host) const;
  void rebuild();
  void arrange();

  EventLoop& loop_;
  std::shared_ptr<const UpstreamDefinition> definition_;
  std::unique_ptr<ConnectionQueue> queue_;        // set when connections are limited
  std::map<std::string, Addresses> addresses_;    // of the host names of targets
  std::shared_ptr<const TargetList> discovered_;  // null when there are none
  std::shared_ptr<const TargetList> built_from_;  // the list that targets_ refer to
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<Retired> retired_;
  std::vector<Subset> subsets_;  // in the order of the definition
  Random random_;
  RetryBudget retry_budget_;
  RetryBudget hedge_budget_;
};

}  // namespace portcullis::upstream
