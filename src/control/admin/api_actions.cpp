// The endpoints of the admin listener that change the gateway. Each change is written to the audit log.

#include <nlohmann/json.hpp>

#include <utility>

#include "base/arena.h"
#include "control/admin/api.h"
#include "control/admin/target_action.h"
#include "http/query.h"
#include "http/uri.h"

namespace portcullis::control {

Task<ServerAnswer> AdminApi::change(const ServerRequest& request, const std::string& by) {
  const std::string_view path = request.head.path;
  ServerAnswer out;
  if (path == "/splits/resume") {
    out = resume(request.head.query, by);
  } else if (path == "/cache/purge") {
    out = purge(request.head.query, by);
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

ServerAnswer AdminApi::purge(std::string_view query, const std::string& by) {
  static constexpr std::string_view kUsage =
      "the query must say which responses to purge: ?uri=https://host/path?query, ?prefix=https://host/path, "
      "?tag=NAME or ?all; with &expire they stay stored, but are stale from now on\n";
  Arena arena;
  cache::Purge purge;
  int named = 0;
  const auto take = [&](std::string_view name, cache::Purge::What what) {
    const auto text = http::find_query_parameter(query, name, arena);
    if (!text) return;
    ++named;
    purge.what = what;
    purge.text = *text;
  };
  take("uri", cache::Purge::What::kUri);
  take("prefix", cache::Purge::What::kPrefix);
  take("tag", cache::Purge::What::kTag);
  take("all", cache::Purge::What::kAll);
  if (named != 1) return {.status = 400, .body = std::string(kUsage)};
  if (purge.what == cache::Purge::What::kUri || purge.what == cache::Purge::What::kPrefix) {
    auto uri = http::normal_uri(purge.text);
    if (!uri)
      return {.status = 400,
              .body = "`" + purge.text + "` is not a URI: it must begin with http:// or https://\n"};
    purge.text = std::move(*uri);
  }
  if (http::find_query_parameter(query, "expire", arena)) purge.how = cache::Purge::How::kExpire;
  const uint64_t met = operations_.purge(purge);
  operations_.audit("purge", by, {{"query", std::string(query)}, {"purged", met}});
  return {.content_type = "application/json", .body = nlohmann::json{{"purged", met}}.dump() + "\n"};
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
  return {.content_type = "application/json", .body = told.dump() + "\n"};
}

}  // namespace portcullis::control
