#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cluster/cluster.h"
#include "control/cluster/mirror.h"
#include "control/revisions/shared_canary.h"
#include "runtime/signal.h"

namespace portcullis::control {

// This node's part in the canary of its cluster: it tells the others what it has counted, and applies the
// rules to the sums, as every node does. The first one that finds that the canary is to end ends it, by one
// compare-and-set. Control thread.
class ClusterCanary final : public SharedCanary {
 public:
  // How often the rules are applied, and how often at most the counts are told.
  static constexpr Milliseconds kLook{200}, kTell{500};

  struct Surroundings {
    // What this node has counted for the canary with this number; nothing when it does not serve it.
    std::function<std::optional<CanaryTally>(uint64_t revision)> count;
    // It is this node's turn to serve the canary with this number.
    std::function<void(uint64_t revision)> take_turn;
    // True when this node is the one of its name, and hears of the others.
    std::function<bool()> takes_part;
  };

  // What is passed must outlive this object. `id` is the name of this node.
  ClusterCanary(EventLoop& loop, cluster::Cluster& cluster, const Mirror& mirror, std::string id,
                Surroundings surroundings)
      : loop_(loop),
        cluster_(cluster),
        mirror_(mirror),
        id_(std::move(id)),
        surroundings_(std::move(surroundings)) {}

  // Takes part until the task is destroyed.
  Task<void> run();
  // The key `canary` may have changed, or etcd may answer again.
  void notify() { news_.notify(); }

  // The process before this one has ended without a word: when it served a canary whose turn had come, that
  // is withdrawn.
  void note_crash();

  std::optional<cluster::Canary> latest() const override;
  CanaryTally sum(uint64_t revision, const CanaryTally& own) const override;
  Task<Result<Ending>> end(uint64_t revision, cluster::Canary::State state, std::string reason,
                           std::string by) override;

 private:
  Task<void> tell(uint64_t revision);
  bool has_heard_all() const;
  bool has_turn(const cluster::Canary& canary) const;
  Task<void> judge(cluster::Canary canary);
  Task<void> judge_nodes(cluster::Canary canary, const CanaryTrial& trial);
  // Why the canary with this number is to be withdrawn because of its requests; empty when it is not.
  std::string fault_of(uint64_t revision, const CanaryTrial& trial) const;
  // Changes what the key `canary` says, unless another node is faster.
  using Edit = std::function<void(cluster::Canary&)>;
  Task<Result<Ending>> change(uint64_t revision, Edit edit);

  EventLoop& loop_;
  cluster::Cluster& cluster_;
  const Mirror& mirror_;
  const std::string id_;
  const Surroundings surroundings_;
  Signal news_;
  cluster::CanaryCounts told_;  // what the others know of this node
  uint64_t told_with_ = 0;      // the lease of that
  Clock::time_point told_at_{};
  // Since when this node has heard of the others without a break; nothing while it does not.
  std::optional<Clock::time_point> hears_since_;
  // The latest turns that this node has heard of, and since when all nodes have been ready. Each node takes
  // the time of a step by its own clock.
  std::vector<std::string> turns_;
  uint64_t turns_of_ = 0;  // the revision
  Clock::time_point ready_since_{};
  uint64_t crashed_with_ = 0;  // the canary that the process before this one served when it crashed
};

}  // namespace portcullis::control
