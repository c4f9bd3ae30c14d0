// What the gateway does and has done.

#include <utility>

#include "base/json_text.h"
#include "control/admin/call_check.h"
#include "control/admin/call_table.h"
#include "control/admin/config_view.h"
#include "control/admin/live_feed.h"
#include "control/admin/problem.h"
#include "control/admin/question.h"
#include "control/admin/shapes.h"
#include "control/admin/state_view.h"
#include "control/operations.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

ServerAnswer json_text_answer(std::string body) {
  return {.content_type = media_type::kJson, .body = std::move(body)};
}

Task<ServerAnswer> answer_explain(const AdminWorld& world, const CallRequest& request) {
  Question question;
  ServerAnswer out;
  if (auto refusal = read_question(request.http, question)) {
    out = std::move(*refusal);
    co_return out;
  }
  Task<Result<json>> asking = world.operations.explain(std::move(question));
  const Result<json> told = co_await asking;
  if (told) {
    out = json_text_answer(json_text(*told, 2) + "\n");
  } else {
    out = refuse_document("", told.error().message);
  }
  co_return out;
}

Task<ServerAnswer> answer_now(const AdminWorld& world, const CallRequest&) {
  Task<std::string> asking = world.feed.now();
  ServerAnswer out;
  out.body = co_await asking;
  out.content_type = media_type::kJson;
  co_return out;
}

ServerAnswer answer_series(const AdminWorld& world, const CallRequest& request) {
  using Kind = telemetry::SeriesBook::Kind;
  const auto route = request.parameter("route"), consumer = request.parameter("consumer");
  const auto upstream = request.parameter("upstream"), target = request.parameter("target");
  if (route) return json_text_answer(world.feed.series(Kind::kRoute, *route) + "\n");
  if (consumer) return json_text_answer(world.feed.series(Kind::kConsumer, *consumer) + "\n");
  if (upstream && target)
    return json_text_answer(
        world.feed.series(Kind::kTarget, telemetry::SeriesBook::target_name(*upstream, *target)) + "\n");
  return refuse_call(400,
                     "the query must name a route, a consumer or a target: ?route=NAME, ?consumer=NAME or "
                     "?upstream=NAME&target=ADDRESS");
}

ServerAnswer answer_session(const AdminWorld& world, const CallRequest& request) {
  const Caller& caller = request.caller;
  const config::Config& config = world.operations.config();
  json labels = json::object();
  for (const auto& [name, value] : caller.labels) labels[name] = value;
  return json_answer({{"name", caller.name},
                      {"role", name_of(caller.role)},
                      {"labels", labels},
                      {"token", caller.has_token},
                      {"writes", name_of(config::writes_of(config.admin, config.store))}});
}

void add_figures(CallTable& table) {
  constexpr const char* kGroup = "Figures";
  table.add({.method = "GET",
             .path = "/v1/now",
             .id = "getFigures",
             .group = kGroup,
             .summary = "The figures of the dashboard",
             .answers = {{200, "The figures.", media_type::kJson, shape::any("object")}},
             .handle = answer_now});
  table.add(
      {.method = "GET",
       .path = "/v1/history",
       .id = "getHistory",
       .group = kGroup,
       .summary = "The last ten minutes, second by second",
       .answers = {{200,
                    "For each second: seconds since 1970, requests, 4xx and failures per second, 50% and "
                    "99% percentiles in milliseconds, cache hit ratio, the gateway's own time and the "
                    "targets' time in milliseconds (-1: no value).",
                    media_type::kJson, shape::list(shape::list(shape::number()))}},
       .handle = at_once([](const AdminWorld& world, const CallRequest&) {
         return json_text_answer(world.feed.history() + "\n");
       })});
  table.add({.method = "GET",
             .path = "/v1/series",
             .id = "getSeries",
             .group = kGroup,
             .summary = "The last ten minutes of one route, consumer or target",
             .description = "The query names a route, or a consumer, or an upstream and a target.",
             .parameters = {{"route", "The name of a route."},
                            {"consumer", "The name of a consumer."},
                            {"upstream", "The name of the upstream of `target`."},
                            {"target", "The address of a target."}},
             .answers = {{200, "As `/v1/history`, without the hit ratio.", media_type::kJson,
                          shape::list(shape::list(shape::number()))}},
             .handle = at_once(answer_series)});
}

void add_states(CallTable& table) {
  constexpr const char* kGroup = "State";
  table.add({.method = "GET",
             .path = "/v1/health/upstreams",
             .id = "getHealthOfUpstreams",
             .group = kGroup,
             .summary = "Each upstream with the health of its targets",
             .answers = {{200, "The upstreams.", media_type::kJson,
                          shape::object({{"upstreams", shape::list(shape::any("object"))}})}},
             .handle = at_once([](const AdminWorld& world, const CallRequest&) {
               return json_text_answer(describe_targets(world.operations.states().targets));
             })});
  table.add({.method = "GET",
             .path = "/v1/health/splits",
             .id = "getHealthOfSplits",
             .group = kGroup,
             .summary = "Each route that divides its requests, with its branches",
             .answers = {{200, "The routes.", media_type::kJson,
                          shape::object({{"splits", shape::list(shape::any("object"))}})}},
             .handle = at_once([](const AdminWorld& world, const CallRequest&) {
               return json_text_answer(describe_branches(world.operations.states().branches));
             })});
  table.add({.method = "GET",
             .path = "/v1/overview",
             .id = "getOverview",
             .group = kGroup,
             .summary = "What the dashboard shows of the configuration in force, without secrets",
             .answers = {{200, "Listeners, routes, upstreams, consumers and policies.", media_type::kJson,
                          shape::any("object")}},
             .handle = at_once([](const AdminWorld& world, const CallRequest&) {
               return json_answer(describe_config(world.operations.config()));
             })});
  const json node = shape::object(
      {{"id", shape::text("The name of the node.")},
       {"version", shape::text("The version of the program.")},
       {"revision", shape::integer("The revision that the node serves.")},
       {"canary",
        shape::or_null(shape::integer("The canary that the node serves beside; null without one."))},
       {"since", shape::text("When the node began to serve the revision (RFC 3339).")},
       {"store_reachable",
        shape::or_null(shape::boolean("Whether the store has done its latest work, or whether etcd can be "
                                      "reached; null without a store."))},
       {"last_error",
        shape::or_null(
            shape::text("Why the latest reload was refused, or the latest change could not be stored, or the "
                        "newest revision is not served; null when there is no such reason."))},
       {"files_hash",
        shape::text("In a cluster: nodes with equal objects in their files have equal hashes.")},
       {"state", shape::choice({"ready", "draining", "lost"})}},
      {"id", "version", "revision", "canary", "since", "store_reachable", "last_error", "state"});
  table.add(
      {.method = "GET",
       .path = "/v1/nodes",
       .id = "listNodes",
       .group = kGroup,
       .summary = "The nodes, and what each of them serves",
       .answers = {{200, "The nodes.", media_type::kJson, shape::object({{"items", shape::list(node)}})}},
       .handle = at_once([](const AdminWorld& world, const CallRequest&) {
         return json_answer({{"items", world.operations.describe_nodes()}});
       })});
}

}  // namespace

void add_look_calls(CallTable& table) {
  table.add({.method = "POST",
             .path = "/v1/explain",
             .id = "explain",
             .group = "State",
             .summary = "What would happen to a request",
             .description = "Nothing is sent to a target, charged, stored or counted.",
             .body = Call::Body{.media_types = {media_type::kJson}, .schema = question_schema()},
             .answers = {{200, "How the request would be handled.", media_type::kJson, shape::any("object")},
                         {422, "The question does not describe a request.", media_type::kProblem}},
             .handle = answer_explain});
  add_states(table);
  add_figures(table);
  json writes = shape::choice({"files", "api", "both"});
  writes["description"] = "Where objects can be changed, as `admin.writes` says.";
  table.add(
      {.method = "GET",
       .path = "/v1/session",
       .id = "getSession",
       .group = "Sessions",
       .summary = "The token of this request, and its role",
       .answers = {{200, "`token` is false when no token is needed.", media_type::kJson,
                    shape::object({{"name", shape::text()},
                                   {"role", shape::choice({"viewer", "operator", "publisher", "admin"})},
                                   {"labels", shape::any("object")},
                                   {"token", shape::boolean()},
                                   {"writes", writes}})}},
       .handle = at_once(answer_session)});
}

}  // namespace portcullis::control
