// What operators do with the running gateway, on every node or on one (control/operation.h).

#include <utility>

#include "control/admin/call_check.h"
#include "control/admin/call_table.h"
#include "control/admin/node_answer.h"
#include "control/admin/shapes.h"
#include "control/operation.h"
#include "control/operations.h"
#include "policy/registry.h"

namespace portcullis::control {
namespace {

using config::AdminRole;
using nlohmann::json;

// The branch that the body names, in `branch`; empty without a body.
std::optional<ServerAnswer> read_branch(const CallRequest& request, std::string& branch) {
  if (request.http.body.empty()) return std::nullopt;
  json asked;
  if (auto refusal = read_json(request.http.body, asked)) return refusal;
  if (auto refusal = refuse_members(asked, {"branch"})) return refusal;
  const auto told = asked.find("branch");
  if (told == asked.end()) return std::nullopt;
  if (!told->is_string() || told->get_ref<const std::string&>().empty())
    return refuse_document("/branch", "expected the name of a branch");
  branch = told->get<std::string>();
  return std::nullopt;
}

Task<ServerAnswer> resume_branches(const AdminWorld& world, const CallRequest& request) {
  std::string branch;
  if (auto refusal = read_branch(request, branch)) co_return std::move(*refusal);
  Task<ServerAnswer> answering =
      answer_by_nodes(world, request, operation::resume_branches(request.variable("route"), branch));
  co_return co_await answering;
}

void add_target_action(CallTable& table, const std::string& word, const std::string& summary) {
  const json its =
      shape::object({{"upstream", shape::text()}, {"address", shape::text()}, {"drained", shape::boolean()}});
  table.add({.method = "POST",
             .path = "/v1/upstreams/{upstream}/targets/{address}/" + word,
             .id = word + "Target",
             .group = "Operations",
             .summary = summary,
             .role = AdminRole::kOperator,
             .variables = {{"upstream", "The name of the upstream."},
                           {"address", "The address of the target, as `127.0.0.1:9001`."}},
             .parameters = {node_parameter()},
             .answers = {{200, "It is done.", media_type::kJson, shape::by_node(its)}},
             .effect = Call::Effect::kWrites,
             .handle = [word](const AdminWorld& world, const CallRequest& request) {
               return answer_by_nodes(
                   world, request,
                   operation::on_target(word, request.variable("upstream"), request.variable("address")));
             }});
}

// The call for an action that a policy declares.
void add_action(CallTable& table, const policy::OperatorAction& action) {
  std::vector<Call::Parameter> parameters;
  for (const auto& one : action.parameters) parameters.push_back({one.name, one.summary});
  parameters.push_back(node_parameter());
  std::vector<std::pair<std::string, json>> figures;
  for (const auto& one : action.figures) figures.emplace_back(one.name, shape::integer(one.summary));
  table.add({.method = "POST",
             .path = "/v1" + action.path,
             .id = action.name,
             .group = "Operations",
             .summary = action.summary,
             .role = AdminRole::kOperator,
             .parameters = std::move(parameters),
             .answers = {{200, "It is done.", media_type::kJson, shape::by_node(shape::object(figures))}},
             .effect = Call::Effect::kWrites,
             .handle = [&action](const AdminWorld& world, const CallRequest& request) {
               return answer_by_nodes(world, request,
                                      operation::action(action.name, std::string(request.http.head.query)));
             }});
}

void add_reload(CallTable& table) {
  const json its = shape::object({{"outcome", shape::choice({"succeeded", "refused"})},
                                  {"revision", shape::integer("The revision that the node serves.")},
                                  {"report", shape::text("The same as lines of text.")},
                                  {"diagnostics", shape::list(shape::any("object"))}});
  table.add({.method = "POST",
             .path = "/v1/reload",
             .id = "reload",
             .group = "Operations",
             .summary = "Load the files of the configuration again",
             .role = AdminRole::kOperator,
             .parameters = {node_parameter()},
             .answers = {{200, "The configuration is in force; there may be warnings.", media_type::kJson,
                          shape::by_node(its)},
                         {409,
                          "The configuration was refused, and the one before stays in force. The member "
                          "`nodes` is as in the other answer.",
                          media_type::kProblem}},
             .effect = Call::Effect::kWrites,
             .handle = [](const AdminWorld& world, const CallRequest& request) {
               return answer_by_nodes(world, request, operation::reload());
             }});
}

void add_resume(CallTable& table) {
  json body = shape::object(
      {{"branch", shape::text("The name of the branch; without it, all branches of the route.")}});
  body.erase("required");
  table.add(
      {.method = "POST",
       .path = "/v1/splits/{route}/resume",
       .id = "resumeBranches",
       .group = "Operations",
       .summary = "Bring back branches of a route that were rolled back",
       .role = AdminRole::kOperator,
       .variables = {{"route", "The name of the route."}},
       .parameters = {node_parameter()},
       .body = Call::Body{.media_types = {media_type::kJson}, .schema = std::move(body), .required = false},
       .answers = {{200, "The branches get requests.", media_type::kJson,
                    shape::by_node(shape::object({{"resumed", shape::list(shape::text())}}))},
                   {422, "The body is no such object.", media_type::kProblem}},
       .effect = Call::Effect::kWrites,
       .handle = resume_branches});
}

}  // namespace

void add_operation_calls(CallTable& table) {
  add_reload(table);
  for (const policy::OperatorAction* action : policy::operator_actions()) add_action(table, *action);
  add_resume(table);
  add_target_action(table, "drain", "Send no new requests to a target");
  add_target_action(table, "undrain", "Send requests to a drained target again");
  add_target_action(table, "resume", "End the ejection of a target");
}

}  // namespace portcullis::control
