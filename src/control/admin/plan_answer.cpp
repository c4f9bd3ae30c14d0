// What is answered to plans.

#include <utility>

#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/shapes.h"
#include "control/operations.h"
#include "control/revisions/object_diff.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// The statuses of preconditions, ownership and roles, which a plan keeps.
bool comes_first(const Refusal& refusal) {
  return refusal.status == 403 || refusal.status == 409 || refusal.status == 412;
}

json describe_assertions(const std::vector<config::JudgedAssertion>& assertions) {
  json out = json::array();
  for (const config::JudgedAssertion& one : assertions) {
    json told{{"text", one.text}, {"outcome", one.faults.empty() ? "met" : "failed"}};
    if (!one.faults.empty()) {
      std::string message = one.faults.front();
      for (size_t i = 1; i < one.faults.size(); ++i) message += "; " + one.faults[i];
      told["message"] = std::move(message);
    }
    out.push_back(std::move(told));
  }
  return out;
}

json describe_plan(const PlannedChange& planned) {
  const Plan& plan = planned.plan;
  json objects = json::array();
  for (size_t i = 0; i < plan.after.size(); ++i)
    objects.push_back(describe_difference(plan.before[i].get(), plan.after[i].get()));
  std::vector<Finding> findings = plan.findings;
  if (plan.refusal && findings.empty()) findings = plan.refusal->findings;
  return {{"diagnostics", as_json(findings)},
          {"diff", {{"objects", std::move(objects)}}},
          {"assertions", describe_assertions(plan.assertions)},
          {"rehearsal", planned.rehearsal}};
}

json side_schema() {
  return shape::object({{"route", shape::or_null(shape::text())},
                        {"outcome", shape::choice({"forwarded", "refused", "answered", "unknown"})},
                        {"status", shape::integer()},
                        {"reason", shape::text()},
                        {"upstream", shape::text()}},
                       {"route", "outcome"});
}

json rehearsal_schema() {
  const json group = shape::object({{"before", side_schema()},
                                    {"after", side_schema()},
                                    {"count", shape::integer()},
                                    {"examples", shape::list(shape::text())}});
  return shape::object({{"replayed", shape::integer("The recorded requests.")},
                        {"unchanged", shape::integer("Those with the same outcome.")},
                        {"groups", shape::list(group)},
                        {"unused_routes", shape::list(shape::text())},
                        {"limits", shape::list(shape::any("object"))}});
}

}  // namespace

Task<ServerAnswer> answer_plan(const AdminWorld& world, const CallRequest& request, ChangeRequest change) {
  Task<PlannedChange> planning = world.operations.changes().plan(std::move(change));
  const PlannedChange planned = co_await planning;
  if (planned.plan.refusal && planned.plan.refusal->retry_later) co_return answer_of(*planned.plan.refusal);
  co_return document_answer(request, describe_plan(planned));
}

Task<ServerAnswer> answer_dry_run(const AdminWorld& world, const CallRequest& request, ChangeRequest change) {
  Task<PlannedChange> planning = world.operations.changes().plan(std::move(change));
  const PlannedChange planned = co_await planning;
  const std::optional<Refusal>& refusal = planned.plan.refusal;
  if (refusal && (comes_first(*refusal) || refusal->retry_later)) co_return answer_of(*refusal);
  co_return document_answer(request, describe_plan(planned));
}

ServerAnswer answer_unplanned(const CallRequest& request, Refusal refusal) {
  PlannedChange planned;
  planned.plan.refusal = std::move(refusal);
  return document_answer(request, describe_plan(planned));
}

json plan_schema() {
  const json change = shape::object({{"kind", shape::text()},
                                     {"name", shape::text()},
                                     {"change", shape::choice({"added", "changed", "removed"})},
                                     {"changes", shape::list(shape::any("object"))}});
  const json assertion = shape::object({{"text", shape::text("What the assertion demands.")},
                                        {"outcome", shape::choice({"met", "failed"})},
                                        {"message", shape::text("The routes that violate it.")}},
                                       {"text", "outcome"});
  return shape::object({{"diagnostics", shape::list(shape::any("object"))},
                        {"diff", shape::object({{"objects", shape::list(change)}})},
                        {"assertions", shape::list(assertion)},
                        {"rehearsal", shape::or_null(rehearsal_schema())}});
}

}  // namespace portcullis::control
