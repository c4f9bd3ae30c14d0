#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "control/author.h"
#include "control/canary.h"
#include "control/config_service.h"
#include "control/revisions/publisher.h"
#include "control/revisions/shared_canary.h"

namespace portcullis::control {

// The canary of the gateway, kept in the store: it goes on after a restart, and the store knows how it has
// ended. In a cluster all nodes have the same canary, which ends for all of them (SharedCanary). Control
// thread.
class CanaryKeeper {
 public:
  // Told of each canary that has begun or ended, and by whose wish.
  using Tell = std::function<void(const CanaryNews&, const Author&)>;

  // The references outlive this object.
  CanaryKeeper(CanaryControl& control, Publisher& publisher, ConfigService& queue, Tell tell);

  // Stores the revision and begins its canary, from the queue of ConfigService.
  Task<ChangeOutcome> begin(Publication publication, proxy::CanaryRules rules);
  // As CanaryControl::state(); in a cluster with the sums over all nodes, also when this one does not serve
  // the canary.
  nlohmann::json state() const;
  // Both return the refusal when it was not done: 404 without a canary; 403 when the author may change only
  // objects with `labels`, and the canary changes others. When the store is away, nothing is
  // promoted, but a canary is withdrawn all the same; the refusal says so. In a cluster nothing of both is
  // done while etcd is away.
  Task<std::optional<Refusal>> promote(Author by, const config::TextMap& labels);
  Task<std::optional<Refusal>> withdraw(Author by);

  // The number of the canary that this gateway serves; 0 without one.
  uint64_t revision() const { return control_.revision(); }

  // The number of that canary when it is served node by node, and the turn of this node has come; or else 0.
  uint64_t turn() const { return control_.turn(); }

  // As Publisher::catch_up(), also for the canary of a cluster.
  Task<CaughtUp> catch_up();
  // The canary of the cluster may have ended: a withdrawal waits for no other work.
  void drop_if_withdrawn();

  // Begins the canary anew that the store had at the start, when it is its turn.
  void resume();
  // Called when the gateway drains: the canary stays in the store as it is.
  void stop() { control_.stop(); }

 private:
  struct Promotion {
    Author by{};
    config::TextMap labels{};
    std::optional<Refusal> refusal =
        Refusal{.status = 503, .title = "the gateway is draining", .retry_later = true};
  };

  void hear(const CanaryNews& news);
  Task<void> record_end(uint64_t in_force);
  Task<void> run_promotion(std::shared_ptr<Promotion> work);
  SharedCanary* shared() const { return publisher_.ledger().shared_canary(); }
  void settle(const store::Head& head);
  void withdraw_here(const std::string& reason, Author by);
  Author author_of_end(const std::string& name) const;
  uint64_t to_end() const;
  Task<std::optional<Refusal>> end_for_all(cluster::Canary::State state, Author by, uint64_t revision);
  Task<std::optional<Refusal>> withdraw_for_all(Author by);
  Task<void> run_promotion_for_all(std::shared_ptr<Promotion> work);
  Task<void> follow_now();
  Task<void> wait_and_resume();
  Task<void> resume_now();

  CanaryControl& control_;
  Publisher& publisher_;
  ConfigService& queue_;
  const Tell tell_;
  std::optional<Author> by_;      // who has asked for what happens now; nothing when the rules have
  std::optional<Author> asking_;  // who has ended the canary of a cluster at this node, while it follows
  TaskGroup working_;
};

}  // namespace portcullis::control
