#include "control/admin_server.h"

#include <nlohmann/json.hpp>

#include "base/arena.h"
#include "http/query.h"
#include "http/uri.h"

namespace portcullis::control {

using http::h1::SmallAnswer;
using http::h1::SmallRequest;

namespace {

std::string describe(const std::vector<telemetry::TargetState>& targets) {
  nlohmann::json upstreams = nlohmann::json::array();
  for (const telemetry::TargetState& one : targets) {
    if (upstreams.empty() || upstreams.back()["name"] != one.upstream)
      upstreams.push_back({{"name", one.upstream}, {"targets", nlohmann::json::array()}});
    nlohmann::json target{{"address", one.address},
                          {"available", one.up && !one.ejected},
                          {"up", one.up},
                          {"ejected", one.ejected},
                          {"ejections", one.ejections},
                          {"checks", {{"passed", one.checks_passed}, {"failed", one.checks_failed}}}};
    if (!one.why.empty()) target["why"] = one.why;
    upstreams.back()["targets"].push_back(std::move(target));
  }
  return nlohmann::json{{"upstreams", upstreams}}.dump(2) + "\n";
}

std::string describe(const std::vector<telemetry::BranchState>& branches) {
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
  return nlohmann::json{{"splits", routes}}.dump(2) + "\n";
}

}  // namespace

AdminServer::AdminServer(EventLoop& loop, UniqueFd socket, Sources sources)
    : sources_(std::move(sources)),
      server_(loop, std::move(socket), {}, [this](const SmallRequest& request) { return answer(request); }) {}

SmallAnswer AdminServer::resume(std::string_view query, const std::string& by) const {
  Arena arena;
  const std::string route(http::find_query_parameter(query, "route", arena).value_or(""));
  const std::string branch(http::find_query_parameter(query, "branch", arena).value_or(""));
  const bool resumed = sources_.resume(route, branch);
  sources_.audit("resume_branch", by,
                 {{"route", route}, {"branch", branch}, {"outcome", resumed ? "succeeded" : "refused"}});
  if (resumed) return {.body = "branch `" + branch + "` serves\n"};
  return {.status = 404,
          .body = "route `" + route + "` has no branch `" + branch + "` that can be rolled back\n"};
}

SmallAnswer AdminServer::purge(std::string_view query, const std::string& by) const {
  static constexpr std::string_view kUsage =
      "say what: ?uri=https://host/path?query, ?prefix=https://host/path, ?tag=NAME or ?all; with &expire it "
      "is not removed, but stale from now on\n";
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
    if (!uri) return {.status = 400, .body = "`" + purge.text + "` is no URI of http or https\n"};
    purge.text = std::move(*uri);
  }
  if (http::find_query_parameter(query, "expire", arena)) purge.how = cache::Purge::How::kExpire;
  const uint64_t met = sources_.purge(purge);
  sources_.audit("purge", by, {{"query", std::string(query)}, {"purged", met}});
  return {.content_type = "application/json", .body = nlohmann::json{{"purged", met}}.dump() + "\n"};
}

Task<SmallAnswer> AdminServer::answer(const SmallRequest& request) const {
  const std::string_view path = request.head.path;
  const std::string_view method = request.head.method;
  if (path == "/reload" || path == "/splits/resume" || path == "/cache/purge") {
    if (method != "POST") co_return SmallAnswer{.status = 405, .fields = "allow: POST\r\n"};
    // A page in a browser on this machine could send it; programs do not set an origin.
    if (request.head.fields.find("origin") != nullptr)
      co_return SmallAnswer{.status = 403, .body = "not from a browser\n"};
    const std::string by = "admin " + request.peer;
    if (path == "/splits/resume") co_return resume(request.head.query, by);
    if (path == "/cache/purge") co_return purge(request.head.query, by);
    Task<ReloadOutcome> reloading = sources_.reload(by);
    ReloadOutcome outcome = co_await reloading;
    co_return SmallAnswer{.status = outcome.succeeded ? uint16_t{200} : uint16_t{409},
                          .body = std::move(outcome.report)};
  }
  if (path != "/metrics" && path != "/healthz" && path != "/readyz" && path != "/upstreams" &&
      path != "/splits")
    co_return SmallAnswer{.status = 404, .body = "not found\n"};
  if (method != "GET" && method != "HEAD")
    co_return SmallAnswer{.status = 405, .fields = "allow: GET, HEAD\r\n"};
  if (path == "/metrics")
    co_return SmallAnswer{.content_type = "text/plain; version=0.0.4", .body = sources_.metrics()};
  if (path == "/upstreams")
    co_return SmallAnswer{.content_type = "application/json", .body = describe(sources_.states().targets)};
  if (path == "/splits")
    co_return SmallAnswer{.content_type = "application/json", .body = describe(sources_.states().branches)};
  if (path == "/healthz") co_return SmallAnswer{.body = "ok\n"};
  if (!sources_.ready()) co_return SmallAnswer{.status = 503, .body = "not ready\n"};
  co_return SmallAnswer{.body = "ready\n"};
}

}  // namespace portcullis::control
