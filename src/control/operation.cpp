#include "control/operation.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "control/admin/caller.h"
#include "control/admin/problem.h"
#include "control/operations.h"
#include "policy/registry.h"

namespace portcullis::control {
namespace {

using nlohmann::json;
using TargetWhat = TargetAction::What;

std::string text_of(const json& what, const char* member) {
  const auto found = what.find(member);
  return found != what.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Task<OperationResult> perform_reload(Operations& operations, Author by) {
  Task<ReloadOutcome> reloading = operations.reload(std::move(by));
  const ReloadOutcome outcome = co_await reloading;
  OperationResult out{.answer = {{"outcome", outcome.succeeded ? "succeeded" : "refused"},
                                 {"revision", operations.revision()},
                                 {"report", outcome.report},
                                 {"diagnostics", as_json(outcome.diagnostics)}}};
  if (!outcome.succeeded) {
    out.status = 409;
    out.detail = outcome.summary;
  }
  co_return out;
}

OperationResult perform_action(Operations& operations, const json& what, const Author& by) {
  const auto actions = policy::operator_actions();
  const auto found = std::find_if(actions.begin(), actions.end(),
                                  [name = text_of(what, "name")](auto* one) { return one->name == name; });
  if (found == actions.end()) return {.status = 400, .detail = "this version does not know the operation"};
  const std::string query = text_of(what, "query");
  const Result<json> done = operations.act(**found, query);
  if (!done) return {.status = 400, .detail = done.error().message};
  json details = *done;
  details["query"] = query;
  operations.audit((*found)->name, by, details);
  return {.answer = *done};
}

OperationResult perform_resume(Operations& operations, const json& what, const Author& by) {
  const std::string route = text_of(what, "route"), branch = text_of(what, "branch");
  const std::vector<std::string> resumed = operations.resume_branches(route, branch);
  json details{{"route", route}, {"outcome", resumed.empty() ? "refused" : "succeeded"}};
  if (!branch.empty()) details["branch"] = branch;
  operations.audit("resume_branch", by, details);
  if (!resumed.empty()) return {.answer = {{"resumed", resumed}}};
  return {.status = 404,
          .detail = "route `" + route + "` has no branch " + (branch.empty() ? "" : "`" + branch + "` ") +
                    "that can be rolled back"};
}

std::optional<TargetWhat> target_action_of(const std::string& word) {
  if (word == "drain") return TargetWhat::kDrain;
  if (word == "undrain") return TargetWhat::kUndrain;
  if (word == "resume") return TargetWhat::kResume;
  return std::nullopt;
}

OperationResult perform_on_target(Operations& operations, const json& what, const Author& by) {
  const std::string word = text_of(what, "word");
  const auto kind = target_action_of(word);
  if (!kind) return {.status = 400, .detail = "this version does not know the operation"};
  const TargetAction action{*kind, text_of(what, "upstream"), text_of(what, "address")};
  const bool done = operations.act_on_target(action);
  operations.audit(word + "_target", by,
                   {{"upstream", action.upstream},
                    {"target", action.address},
                    {"outcome", done ? "succeeded" : "refused"}});
  if (!done)
    return {.status = 404,
            .detail = "upstream `" + action.upstream + "` has no target at `" + action.address + "`"};
  return {.answer = {{"upstream", action.upstream},
                     {"address", action.address},
                     {"drained", *kind == TargetWhat::kDrain}}};
}

// Another node may have asked in the name of an author whose role it has not checked.
bool may_operate(const Author& by) {
  constexpr auto kRoles = names_of(config::AdminRole{});
  return std::any_of(kRoles.begin(), kRoles.end(), [&by](const auto& role) {
    return role.name == by.role && includes(role.value, config::AdminRole::kOperator);
  });
}

}  // namespace

json operation::reload() {
  return {{"do", "reload"}};
}
json operation::action(const std::string& name, const std::string& query) {
  return {{"do", "action"}, {"name", name}, {"query", query}};
}
json operation::resume_branches(const std::string& route, const std::string& branch) {
  return {{"do", "resume_branches"}, {"route", route}, {"branch", branch}};
}
json operation::on_target(const std::string& word, const std::string& upstream, const std::string& address) {
  return {{"do", "on_target"}, {"word", word}, {"upstream", upstream}, {"address", address}};
}

Task<OperationResult> perform(Operations& operations, json what, Author by) {
  if (!may_operate(by))
    co_return OperationResult{.status = 403, .detail = "the role `operator` is needed for operations"};
  const std::string wanted = what.is_object() ? text_of(what, "do") : std::string();
  if (wanted == "reload") {
    Task<OperationResult> reloading = perform_reload(operations, std::move(by));
    co_return co_await reloading;
  }
  if (wanted == "action") co_return perform_action(operations, what, by);
  if (wanted == "resume_branches") co_return perform_resume(operations, what, by);
  if (wanted == "on_target") co_return perform_on_target(operations, what, by);
  co_return OperationResult{.status = 400, .detail = "this version does not know the operation"};
}

}  // namespace portcullis::control
