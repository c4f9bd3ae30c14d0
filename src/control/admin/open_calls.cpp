// The calls that stay at their own paths: health, metrics, and sessions.

#include <utility>

#include "control/admin/call_table.h"
#include "control/admin/guard.h"
#include "control/admin/problem.h"
#include "control/admin/shapes.h"
#include "control/operations.h"

namespace portcullis::control {
namespace {

ServerAnswer answer_metrics(const AdminWorld& world, const CallRequest& request) {
  // The content type that Prometheus prefers when it accepts native histograms.
  static constexpr std::string_view kProtobuf = "application/vnd.google.protobuf";
  using Form = telemetry::Registry::Form;
  if (request.field("accept").starts_with(kProtobuf))
    return {.content_type =
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                "encoding=delimited",
            .body = world.operations.scrape(Form::kProtobuf)};
  return {.content_type = "text/plain; version=0.0.4", .body = world.operations.scrape(Form::kText)};
}

Task<ServerAnswer> answer_log_in(const AdminWorld& world, const CallRequest& request) {
  Caller caller;
  Task<ServerAnswer> logging_in = world.guard.log_in(request.http, caller);
  ServerAnswer out = co_await logging_in;
  if (out.status == 204) {
    Author author = request.author;
    author.name = caller.name;
    author.role = name_of(caller.role);
    world.operations.audit("login", author, nlohmann::json::object());
  }
  co_return out;
}

void add_health(CallTable& table) {
  table.add({.method = "GET",
             .path = "/healthz",
             .id = "isAlive",
             .group = "Health",
             .summary = "Whether the process runs",
             .role = std::nullopt,
             .answers = {{200, "The process runs.", media_type::kText, shape::text()}},
             .handle = at_once(
                 [](const AdminWorld&, const CallRequest&) { return ServerAnswer{.body = "ok\n"}; })});
  table.add({.method = "GET",
             .path = "/readyz",
             .id = "isReady",
             .group = "Health",
             .summary = "Whether the gateway serves",
             .role = std::nullopt,
             .answers = {{200, "The gateway serves.", media_type::kText, shape::text()},
                         {503, "The gateway drains, or does not know yet what its cluster serves.",
                          media_type::kText, shape::text()}},
             .handle = at_once([](const AdminWorld& world, const CallRequest&) {
               if (world.operations.ready()) return ServerAnswer{.body = "ready\n"};
               return ServerAnswer{.status = 503, .body = "not ready\n"};
             })});
  table.add({.method = "GET",
             .path = "/metrics",
             .id = "getMetrics",
             .group = "Health",
             .summary = "The metrics, for Prometheus",
             .answers = {{200, "The metrics.", media_type::kText, shape::text()}},
             .handle = at_once(answer_metrics)});
}

}  // namespace

void add_open_calls(CallTable& table) {
  add_health(table);
  table.add(
      {.method = "POST",
       .path = "/login",
       .id = "logIn",
       .group = "Sessions",
       .summary = "Begin a session of a browser",
       .description = "The body is the token. The session is a cookie that scripts cannot read, and ends "
                      "after twelve hours.",
       .role = std::nullopt,
       .body = Call::Body{.media_types = {"*/*"}, .schema = shape::text("The token.")},
       .answers = {{204, "The session has begun."}, {401, "The token is not known.", media_type::kProblem}},
       .handle = answer_log_in});
  table.add({.method = "POST",
             .path = "/logout",
             .id = "logOut",
             .group = "Sessions",
             .summary = "End a session of a browser",
             .role = std::nullopt,
             .answers = {{204, "The session has ended, if there was one."}},
             .handle = at_once([](const AdminWorld& world, const CallRequest& request) {
               return world.guard.log_out(request.http);
             })});
}

}  // namespace portcullis::control
