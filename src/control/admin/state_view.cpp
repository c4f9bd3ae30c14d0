#include "control/admin/state_view.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/json_text.h"

namespace portcullis::control {

std::string describe_targets(const std::vector<telemetry::TargetState>& targets) {
  nlohmann::json upstreams = nlohmann::json::array();
  for (const telemetry::TargetState& one : targets) {
    if (upstreams.empty() || upstreams.back()["name"] != one.upstream)
      upstreams.push_back({{"name", one.upstream}, {"targets", nlohmann::json::array()}});
    nlohmann::json target{{"address", one.address},
                          {"available", one.up && !one.ejected && !one.drained},
                          {"up", one.up},
                          {"ejected", one.ejected},
                          {"drained", one.drained},
                          {"ejections", one.ejections},
                          {"checks", {{"passed", one.checks_passed}, {"failed", one.checks_failed}}}};
    if (!one.why.empty()) target["why"] = one.why;
    if (one.ejected) target["ejected_ms"] = one.ejected_for.count();
    upstreams.back()["targets"].push_back(std::move(target));
  }
  return json_text(nlohmann::json{{"upstreams", upstreams}}, 2) + "\n";
}

std::string describe_branches(const std::vector<telemetry::BranchState>& branches) {
  nlohmann::json routes = nlohmann::json::array();
  for (const telemetry::BranchState& one : branches) {
    if (routes.empty() || routes.back()["route"] != one.route)
      routes.push_back({{"route", one.route}, {"branches", nlohmann::json::array()}});
    routes.back()["branches"].push_back({{"name", one.name},
                                         {"upstream", one.upstream},
                                         {"weight", one.weight},
                                         {"rolled_back", one.rolled_back},
                                         {"rollbacks", one.rollbacks}});
  }
  return json_text(nlohmann::json{{"splits", routes}}, 2) + "\n";
}

}  // namespace portcullis::control
