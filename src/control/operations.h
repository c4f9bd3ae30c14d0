#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node.h"
#include "config/model.h"
#include "control/admin/live_feed.h"
#include "control/admin/target_action.h"
#include "control/config_service.h"
#include "control/events.h"
#include "control/explain.h"
#include "control/node.h"
#include "control/operation.h"
#include "control/revisions/change_service.h"
#include "policy/operator_action.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

class ClusterMember;
class Deployment;
class DraftService;
class Fleet;
class Logs;
class NameService;

// The operations of the running gateway that operators can use, for all kinds of access. Control thread.
class Operations {
 public:
  // All references must be valid until the last call of this object.
  Operations(EventLoop& loop, Deployment& deployment, Fleet& fleet, const NameService& names,
             ConfigService& config_service, ChangeService& changes, DraftService& drafts, Logs& logs,
             NodeState& node, EventHub& events, const std::unique_ptr<ClusterMember>& cluster);

  // False while the gateway drains, and until a node without revisions has seen those of its cluster.
  bool ready() const;
  const config::Config& config() const;
  telemetry::States states() const;
  const telemetry::Registry& metrics() const;
  std::string scrape(telemetry::Registry::Form form) const;
  // The sources of the live view.
  LiveFeed::Sources live();
  // As explain() in control/explain.h.
  Task<Result<nlohmann::json>> explain(Question question);

  // The id of this node.
  const std::string& node_id() const { return node_.id; }
  // The number of the revision in force, which all answers of the API carry.
  uint64_t revision() const;
  // The nodes, as `items` of `GET /v1/nodes`: this one, and those of its cluster in the order of their names.
  nlohmann::json describe_nodes() const;

  // What this node tells the others of its cluster.
  cluster::Node describe_to_cluster() const;

  // True when the list of nodes has this one.
  bool has_node(const std::string& id) const;
  // Does an operation on every node of the cluster, or on the only one that is named.
  Task<NodeResults> perform_on_nodes(nlohmann::json what, Author by, std::optional<std::string> only);
  // As ClusterMember::wait_for_all(); null without a cluster.
  Task<nlohmann::json> wait_for_all(uint64_t revision);

  // The next calls are about this node alone. `by` is for the audit log.
  Task<ReloadOutcome> reload(Author by);
  // As RollbackBook::resume().
  std::vector<std::string> resume_branches(const std::string& route, const std::string& branch);
  // As OperatorAction::act().
  Result<nlohmann::json> act(const policy::OperatorAction& action, std::string_view query);
  // False when the upstream has no such target.
  bool act_on_target(const TargetAction& action);
  void audit(const std::string& action, const Author& by, const nlohmann::json& details);

  EventHub& events() { return events_; }
  ChangeService& changes() { return changes_; }
  DraftService& drafts() { return drafts_; }
  Publisher& publisher() { return changes_.publisher(); }
  const Publisher& publisher() const { return changes_.publisher(); }
  // As CanaryKeeper::catch_up(), when it is its turn. Does nothing while the gateway drains.
  Task<CaughtUp> catch_up();
  // Makes a change of objects when it is its turn. `by` is for events and the state of the node.
  Task<ChangeOutcome> change(ChangeRequest request, Author by);

 private:
  nlohmann::json about() const;
  nlohmann::json describe_node() const;
  std::string last_error() const;
  std::vector<std::string> others_for(const std::optional<std::string>& only, NodeResults& out) const;

  EventLoop& loop_;
  Deployment& deployment_;
  Fleet& fleet_;
  const NameService& names_;
  ConfigService& config_service_;
  ChangeService& changes_;
  DraftService& drafts_;
  Logs& logs_;
  NodeState& node_;
  EventHub& events_;
  const std::unique_ptr<ClusterMember>& cluster_;  // null without a cluster
};

}  // namespace portcullis::control
