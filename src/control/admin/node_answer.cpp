#include "control/admin/node_answer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "control/admin/problem.h"
#include "control/operations.h"

namespace portcullis::control {

Call::Parameter node_parameter() {
  return {"node", "The id of the only node that does it; without the parameter every node does."};
}

namespace {

using nlohmann::json;

ServerAnswer answer_of_results(const NodeResults& results) {
  const OperationResult& first = results.begin()->second;
  const bool agree = std::all_of(results.begin(), results.end(),
                                 [&first](const auto& one) { return one.second.status == first.status; });
  json nodes = json::object();
  for (const auto& [id, result] : results) {
    if (!result.answer.is_null()) nodes[id] = result.answer;
    if (!agree && result.status != 200) {
      nodes[id]["status"] = result.status;
      nodes[id]["error"] = result.detail;
    }
  }
  if (!agree || first.status == 200) return json_answer({{"nodes", std::move(nodes)}});
  Problem problem{.status = first.status,
                  .detail = first.detail,
                  .fields = first.status == 503 ? "retry-after: 5\r\n" : ""};
  if (first.answer.is_object()) problem.diagnostics = first.answer.value("diagnostics", json::array());
  if (!nodes.empty()) problem.members["nodes"] = std::move(nodes);
  return problem.answer();
}

}  // namespace

Task<ServerAnswer> answer_by_nodes(const AdminWorld& world, const CallRequest& request, json what) {
  const auto only = request.parameter("node");
  if (only && !world.operations.has_node(*only))
    co_return refuse_call(404, "there is no node `" + *only + "`");
  Task<NodeResults> performing = world.operations.perform_on_nodes(std::move(what), request.author, only);
  const NodeResults results = co_await performing;
  co_return answer_of_results(results);
}

}  // namespace portcullis::control
