// The endpoints of the admin listener that change the gateway. Each change is written to the audit log.

#include <nlohmann/json.hpp>

#include <utility>

#include "base/arena.h"
#include "base/json_text.h"
#include "control/admin/api.h"
#include "control/admin/target_action.h"
#include "http/query.h"
#include "policy/registry.h"

namespace portcullis::control {

Task<ServerAnswer> AdminApi::change(const ServerRequest& request, const std::string& by) {
  const std::string_view path = request.head.path;
  ServerAnswer out;
  if (path == "/splits/resume") {
    out = resume(request.head.query, by);
  } else if (const policy::OperatorAction* action = policy::find_action(path)) {
    out = act(*action, request.head.query, by);
  } else if (path == "/reload") {
    Task<ReloadOutcome> reloading = operations_.reload(by);
    ReloadOutcome outcome = co_await reloading;
    out.status = outcome.succeeded ? 200 : 409;
    out.body = std::move(outcome.report);
  } else {
    out = act_on_target(path, by);
  }
  co_return out;
}

ServerAnswer AdminApi::resume(std::string_view query, const std::string& by) {
  Arena arena;
  const std::string route(http::find_query_parameter(query, "route", arena).value_or(""));
  const std::string branch(http::find_query_parameter(query, "branch", arena).value_or(""));
  const bool resumed = operations_.resume_branch(route, branch);
  operations_.audit("resume_branch", by,
                    {{"route", route}, {"branch", branch}, {"outcome", resumed ? "succeeded" : "refused"}});
  if (resumed) return {.body = "branch `" + branch + "` serves\n"};
  return {.status = 404,
          .body = "route `" + route + "` has no branch `" + branch + "` that can be rolled back\n"};
}

ServerAnswer AdminApi::act(const policy::OperatorAction& action, std::string_view query,
                           const std::string& by) {
  const Result<nlohmann::json> done = operations_.act(action, query);
  if (!done) return {.status = 400, .body = done.error().message + "\n"};
  nlohmann::json details = *done;
  details["query"] = query;
  operations_.audit(action.name, by, details);
  return {.content_type = "application/json", .body = done->dump() + "\n"};
}

ServerAnswer AdminApi::act_on_target(std::string_view path, const std::string& by) {
  using nlohmann::json;
  const auto action = TargetAction::parse(path);
  const bool done = action && operations_.act_on_target(*action);
  if (!action) return {.status = 404, .body = "not found\n"};
  operations_.audit(std::string(action->name), by,
                    {{"upstream", action->upstream},
                     {"address", action->address},
                     {"outcome", done ? "succeeded" : "refused"}});
  if (!done)
    return {.status = 404,
            .body = "upstream `" + action->upstream + "` has no target at `" + action->address + "`\n"};
  const bool drained = action->what == TargetAction::What::kDrain;
  const json told{{"upstream", action->upstream}, {"address", action->address}, {"drained", drained}};
  return {.content_type = "application/json", .body = json_text(told) + "\n"};
}

}  // namespace portcullis::control
