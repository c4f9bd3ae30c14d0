#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/retry_budget.h"

namespace portcullis::upstream {

// The addresses that a host name stands for at present; their ports do not count.
using Addresses = std::vector<SocketAddress>;

// Targets that a route chooses from: all of an upstream's, or those with certain metadata. They are in groups
// by rank; the first group serves while enough of it is available, the next ones serve the rest.
class Subset {
 public:
  Subset(const UpstreamDefinition& upstream, const std::vector<Target*>& targets);

  Target* pick(const Wish& wish, Random& random);
  // The one with that id, if it is there and may be used.
  Target* find(uint64_t id, uint64_t tried) const;

 private:
  struct Group {
    std::vector<Target*> targets;
    std::unique_ptr<Balancer> balancer;
  };
  Target* pick_in(size_t group, const Wish& wish, uint64_t tried, bool admit_all, Random& random);
  size_t group_for(uint64_t hash) const;
  bool panics() const;

  std::vector<Group> groups_;  // by rank, none empty
  double panic_threshold_;
};

// One worker's view of an upstream.
class Upstream {
 public:
  Upstream(EventLoop& loop, std::shared_ptr<const UpstreamDefinition> definition, uint64_t seed);

  const UpstreamDefinition& definition() const { return *definition_; }
  size_t target_count() const { return targets_.size(); }

  // From now on `host`, if a target is known by it, stands for `addresses`. Targets that stay keep their
  // connections and their state; exchanges with those that go end as they would have.
  void set_addresses(const std::string& host, const Addresses& addresses);
  // From now on these are its targets, besides those of its definition. `known`: addresses of host names.
  void set_discovered(std::shared_ptr<const TargetList> discovered,
                      const std::map<std::string, Addresses>& known);

  // The target for the next request or try; targets in `tried` (a bit each, the first 64) only when no other
  // is left. Null when there is none: no name has been resolved yet, or operators have drained all of
  // them.
  Target* pick(uint64_t tried) { return pick(0, {tried, random_.next()}); }
  Target* pick(size_t subset, const Wish& wish) { return subsets_[subset].pick(wish, random_); }
  // The one with that id in the subset, if it is there and may be used; for sticky clients.
  Target* find(size_t subset, uint64_t id, uint64_t tried) const { return subsets_[subset].find(id, tried); }
  uint64_t random() { return random_.next(); }
  RetryBudget& retry_budget() { return retry_budget_; }
  RetryBudget& hedge_budget() { return hedge_budget_; }
  // One more of this load, or nothing when its circuit breaker is open.
  std::optional<Breaker::Slot> take(Load load) {
    return definition_->breaker->take(load, definition_->limits);
  }
  // Closes a connection to one of its targets that does nothing; false when there is none.
  bool close_one_idle();
  static uint64_t bit_of(const Target& target) { return target.index < 64 ? uint64_t{1} << target.index : 0; }

 private:
  // One that is no target any more, until its last exchange has ended, and what it is described in.
  struct Retired {
    std::unique_ptr<Target> target;
    std::shared_ptr<const TargetList> described_in;
  };
  bool uses(const std::string& host) const;
  void rebuild();
  void arrange();

  EventLoop& loop_;
  std::shared_ptr<const UpstreamDefinition> definition_;
  std::unique_ptr<ConnectionQueue> queue_;        // where there is a limit on connections
  std::map<std::string, Addresses> addresses_;    // of the names that targets are known by
  std::shared_ptr<const TargetList> discovered_;  // null: none
  std::shared_ptr<const TargetList> built_from_;  // that targets_ refer to
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<Retired> retired_;
  std::vector<Subset> subsets_;  // as the definition's
  Random random_;
  RetryBudget retry_budget_;
  RetryBudget hedge_budget_;
};

}  // namespace portcullis::upstream
