// What the gateway is to its cluster: what it tells the other nodes, and how it takes over what they publish.

#include <nlohmann/json.hpp>

#include "control/gateway.h"
#include "control/operation.h"
#include "policy/registry.h"

namespace portcullis::control {
namespace {

// Puts in force what others have published. An error when it could not be read.
Task<Status> follow_others(Operations operations) {
  Task<CaughtUp> catching = operations.catch_up();
  const CaughtUp caught = co_await catching;
  co_return caught.unread.empty() ? Status() : Status(Error{caught.unread});
}

}  // namespace

void empty_caches(policy::Services& services) {
  for (const policy::OperatorAction* action : policy::operator_actions()) {
    if (action->name == "purge") (void)action->act("all", services);
  }
}

ClusterMember::Surroundings Gateway::cluster_surroundings() {
  const Operations operations(loop_, deployment_, fleet_, names_, config_service_, changes_, drafts_, logs_,
                              node_, events_, cluster_);
  return {.revision = [this] { return deployment_.revision(); },
          .describe = [operations] { return operations.describe_to_cluster(); },
          .follow = [operations] { return follow_others(operations); },
          .canary = [this] { return canary_.revision(); },
          .count_canary =
              [this](uint64_t revision) {
                return canary_.revision() == revision ? canary_.tally() : std::nullopt;
              },
          .take_turn =
              [this](uint64_t revision) {
                if (canary_.revision() == revision) canary_.take_turn();
              },
          .on_canary = [this] { canary_keeper_.drop_if_withdrawn(); },
          .on_lost =
              [this](const cluster::Node& node) {
                events_.publish("node_lost", {{"node", node.id}, {"revision", node.revision}});
              },
          .perform =
              [its_operations = operations](nlohmann::json what, Author by) mutable {
                return perform(its_operations, std::move(what), std::move(by));
              },
          .on_missed = [this] { empty_caches(deployment_.services()); }};
}

}  // namespace portcullis::control
