#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

#include "config/model.h"
#include "control/admin/live_feed.h"
#include "control/admin/target_action.h"
#include "control/config_service.h"
#include "control/explain.h"
#include "policy/operator_action.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

class Deployment;
class Fleet;
class Logs;
class NameService;

// The operations of the running gateway that operators can use, for all kinds of access. Control thread.
class Operations {
 public:
  // All references must be valid until the last call of this object.
  Operations(EventLoop& loop, Deployment& deployment, Fleet& fleet, const NameService& names,
             ConfigService& config_service, Logs& logs);

  // False while the gateway drains.
  bool ready() const;
  const config::Config& config() const;
  telemetry::States states() const;
  const telemetry::Registry& metrics() const;
  std::string scrape(telemetry::Registry::Form form) const;
  // The sources of the live view.
  LiveFeed::Sources live();
  // As explain() in control/explain.h.
  Task<Result<nlohmann::json>> explain(Question question);

  // `by` is the name of the caller, for the audit log.
  Task<ReloadOutcome> reload(std::string by);
  // Ends the rollback of a branch. False when the route has no such branch.
  bool resume_branch(const std::string& route, const std::string& branch);
  // As OperatorAction::act().
  Result<nlohmann::json> act(const policy::OperatorAction& action, std::string_view query);
  // False when the upstream has no such target.
  bool act_on_target(const TargetAction& action);
  void audit(const std::string& action, const std::string& by, const nlohmann::json& details);

 private:
  nlohmann::json about() const;

  EventLoop& loop_;
  Deployment& deployment_;
  Fleet& fleet_;
  const NameService& names_;
  ConfigService& config_service_;
  Logs& logs_;
};

}  // namespace portcullis::control
