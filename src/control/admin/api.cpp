// The endpoints of the admin listener that show state. The endpoints that change the gateway are in
// api_actions.cpp.

#include "control/admin/api.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

#include "base/arena.h"
#include "base/json_text.h"
#include "control/admin/config_view.h"
#include "control/admin/question.h"
#include "control/admin/state_view.h"
#include "http/query.h"

namespace portcullis::control {

AdminApi::AdminApi(EventLoop& loop, Operations& operations)
    : operations_(operations), feed_(loop, operations.metrics(), operations.live()) {}

Task<ServerAnswer> AdminApi::answer(const Endpoint& endpoint, const ServerRequest& request,
                                    const std::string& by, std::function<bool()> may_stream) {
  using What = Endpoint::What;
  // All cases assign to one named answer, because clang 14 destroys the temporaries of a co_return in another
  // case, which were never constructed.
  ServerAnswer out;
  switch (endpoint.what) {
    case What::kLook:
    case What::kHealth: out = look(request); break;
    case What::kLive: out = live(std::move(may_stream)); break;
    case What::kTail: out = tail(request.head.query, std::move(may_stream)); break;
    case What::kExplain: {
      Task<ServerAnswer> explaining = explain(request);
      out = co_await explaining;
      break;
    }
    case What::kNow: {
      Task<std::string> asking = feed_.now();
      out.body = co_await asking;
      out.content_type = "application/json";
      break;
    }
    case What::kChange: {
      Task<ServerAnswer> changing = change(request, by);
      out = co_await changing;
      break;
    }
    case What::kLogIn:
    case What::kLogOut:
    case What::kSession: out = {.status = 404, .body = "not found\n"}; break;
  }
  co_return out;
}

ServerAnswer AdminApi::look(const ServerRequest& request) const {
  const std::string_view path = request.head.path;
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/readyz") {
    if (operations_.ready()) return {.body = "ready\n"};
    return {.status = 503, .body = "not ready\n"};
  }
  if (path == "/metrics") {
    // The content type that Prometheus prefers when it accepts native histograms.
    static constexpr std::string_view kProtobuf = "application/vnd.google.protobuf";
    const http::Field* accept = request.head.fields.find("accept");
    using Form = telemetry::Registry::Form;
    if (accept != nullptr && accept->value.starts_with(kProtobuf))
      return {.content_type =
                  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                  "encoding=delimited",
              .body = operations_.scrape(Form::kProtobuf)};
    return {.content_type = "text/plain; version=0.0.4", .body = operations_.scrape(Form::kText)};
  }
  if (path == "/api/series") return series(request.head.query);
  ServerAnswer out{.content_type = "application/json"};
  if (path == "/upstreams") out.body = describe_targets(operations_.states().targets);
  if (path == "/splits") out.body = describe_branches(operations_.states().branches);
  if (path == "/api/config") out.body = json_text(describe_config(operations_.config())) + "\n";
  if (path == "/api/history") out.body = feed_.history() + "\n";
  return out;
}

ServerAnswer AdminApi::series(std::string_view query) const {
  using Kind = telemetry::SeriesBook::Kind;
  Arena arena;
  const auto parameter = [&](std::string_view name) {
    const auto found = http::find_query_parameter(query, name, arena);
    return found ? std::optional<std::string>(*found) : std::nullopt;
  };
  const auto route = parameter("route"), consumer = parameter("consumer");
  const auto upstream = parameter("upstream"), target = parameter("target");
  ServerAnswer out{.content_type = "application/json"};
  if (route) {
    out.body = feed_.series(Kind::kRoute, *route) + "\n";
  } else if (consumer) {
    out.body = feed_.series(Kind::kConsumer, *consumer) + "\n";
  } else if (upstream && target) {
    out.body = feed_.series(Kind::kTarget, telemetry::SeriesBook::target_name(*upstream, *target)) + "\n";
  } else {
    out = {.status = 400,
           .body =
               "the query must name a route, a consumer or a target: ?route=NAME, ?consumer=NAME or "
               "?upstream=NAME&target=ADDRESS\n"};
  }
  return out;
}

ServerAnswer AdminApi::live(std::function<bool()> may_stream) {
  return {.content_type = "text/event-stream", .stream = feed_.follow(std::move(may_stream))};
}

ServerAnswer AdminApi::tail(std::string_view query, std::function<bool()> may_stream) {
  auto filter = telemetry::TailFilter::parse(query);
  if (!filter) return {.status = 400, .body = filter.error().message + "\n"};
  if (feed_.tails_are_full())
    return {.status = 503, .body = "the max number of live tails is open already: close one of them\n"};
  return {.content_type = "text/event-stream",
          .stream = feed_.follow_tail(std::move(*filter), std::move(may_stream))};
}

Task<ServerAnswer> AdminApi::explain(const ServerRequest& request) const {
  using nlohmann::json;
  ServerAnswer out{.content_type = "application/json"};
  auto question = read_question(request);
  Result<json> told = question ? Result<json>(json()) : Result<json>(question.error());
  if (question) {
    Task<Result<json>> asking = operations_.explain(std::move(*question));
    told = co_await asking;
  }
  if (!told) {
    out.status = 400;
    told = json{{"error", told.error().message}};
  }
  out.body = told->dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  co_return out;
}

}  // namespace portcullis::control
