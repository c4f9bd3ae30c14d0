#include "control/admin/server.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/arena.h"
#include "base/say.h"
#include "control/admin/config_view.h"
#include "control/admin/web_files.h"
#include "control/explain.h"
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
                          {"available", one.up && !one.ejected && !one.drained},
                          {"up", one.up},
                          {"ejected", one.ejected},
                          {"drained", one.drained},
                          {"ejections", one.ejections},
                          {"checks", {{"passed", one.checks_passed}, {"failed", one.checks_failed}}}};
    if (!one.why.empty()) target["why"] = one.why;
    if (one.ejected) target["ejected_ms"] = one.ejected_for.count();
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

// What there is, beside the dashboard's files.
struct AdminServer::Endpoint {
  enum class What { kLook, kOpen, kExplain, kLogIn, kLogOut, kLive, kTail, kNow, kSession, kChange };
  std::string_view path;
  What what;  // kOpen: to look at, for anybody; kChange: of the gateway

  bool by_post() const {
    return what == What::kChange || what == What::kExplain || what == What::kLogIn || what == What::kLogOut;
  }
  bool open() const { return what == What::kOpen || what == What::kLogIn || what == What::kLogOut; }
};

const AdminServer::Endpoint* AdminServer::find_endpoint(std::string_view path) {
  using What = Endpoint::What;
  static constexpr Endpoint kAll[] = {
      {"/healthz", What::kOpen},        {"/readyz", What::kOpen},          {"/metrics", What::kLook},
      {"/upstreams", What::kLook},      {"/splits", What::kLook},          {"/api/config", What::kLook},
      {"/api/history", What::kLook},    {"/api/live", What::kLive},        {"/api/now", What::kNow},
      {"/api/explain", What::kExplain}, {"/login", What::kLogIn},          {"/logout", What::kLogOut},
      {"/reload", What::kChange},       {"/splits/resume", What::kChange}, {"/cache/purge", What::kChange},
      {"/api/series", What::kLook},     {"/api/tail", What::kTail},        {"/api/session", What::kSession},
  };
  static constexpr Endpoint kTarget{"/v1/upstreams/", What::kChange};
  if (path.starts_with(kTarget.path) && TargetAction::parse(path)) return &kTarget;
  const auto found = std::find_if(std::begin(kAll), std::end(kAll),
                                  [path](const Endpoint& one) { return one.path == path; });
  return found != std::end(kAll) ? found : nullptr;
}

AdminServer::AdminServer(EventLoop& loop, UniqueFd socket, const config::Admin& settings,
                         std::shared_ptr<const tls::ServerContext> tls, const telemetry::Registry& registry,
                         Sources sources)
    : loop_(loop),
      tls_(std::move(tls)),
      sources_(std::move(sources)),
      settings_(settings),
      guard_(loop, settings),
      feed_(loop, registry, sources_.live),
      server_(
          loop, std::move(socket), {}, [this](const SmallRequest& request) { return answer(request); },
          [this](Stream& stream) { return greet(stream); }) {}

void AdminServer::change(const config::Admin& settings, std::shared_ptr<const tls::ServerContext> tls) {
  tls_ = std::move(tls);
  const bool same = settings.tokens == settings_.tokens && settings.hosts == settings_.hosts &&
                    settings.tls.enabled() == settings_.tls.enabled();
  if (same) return;
  settings_ = settings;
  guard_ = AdminGuard(loop_, settings);
  ++guards_;
}

Task<bool> AdminServer::greet(Stream& stream) {
  static constexpr Milliseconds kPatience{10'000};
  if (!tls_) co_return true;
  const std::shared_ptr<const tls::ServerContext> context = tls_;
  std::unique_ptr<tls::Session> made = context->make_session();
  if (!made) co_return false;
  tls::Session& session = *made;
  stream.set_codec(std::move(made));
  const tls::HandshakeResult result = co_await session.handshake(stream, nullptr, kPatience);
  if (!result.ok) co_return false;
  const IoResult flushed = co_await stream.write({}, kPatience);
  co_return flushed.ok();
}

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

// For those who follow what goes on.
SmallAnswer AdminServer::live() {
  return {.content_type = "text/event-stream", .stream = [this](Stream& stream) {
            // Who may see it was asked of the guard that there is now.
            return feed_.follow(stream, [this, guards = guards_] { return guards == guards_; });
          }};
}

SmallAnswer AdminServer::tail(std::string_view query) {
  auto filter = telemetry::TailFilter::parse(query);
  if (!filter) return {.status = 400, .body = filter.error().message + "\n"};
  if (feed_.tails_are_full())
    return {.status = 503, .body = "there are as many live tails as there may be: close one\n"};
  return {.content_type = "text/event-stream",
          .stream = [this, filter = std::move(*filter), guards = guards_](Stream& stream) {
            return feed_.follow_tail(stream, filter, [this, guards] { return guards == guards_; });
          }};
}

// Who asks, and whether the actions are for them.
SmallAnswer AdminServer::session(const AdminGuard::Caller& caller) {
  return {.content_type = "application/json",
          .body = nlohmann::json{{"name", caller.name}, {"may_change", caller.may_change}}.dump() + "\n"};
}

SmallAnswer AdminServer::series(std::string_view query) const {
  using Kind = telemetry::SeriesBook::Kind;
  Arena arena;
  const auto parameter = [&](std::string_view name) {
    const auto found = http::find_query_parameter(query, name, arena);
    return found ? std::optional<std::string>(*found) : std::nullopt;
  };
  const auto route = parameter("route"), consumer = parameter("consumer");
  const auto upstream = parameter("upstream"), target = parameter("target");
  SmallAnswer out{.content_type = "application/json"};
  if (route) {
    out.body = feed_.series(Kind::kRoute, *route) + "\n";
  } else if (consumer) {
    out.body = feed_.series(Kind::kConsumer, *consumer) + "\n";
  } else if (upstream && target) {
    out.body = feed_.series(Kind::kTarget, telemetry::SeriesBook::target_name(*upstream, *target)) + "\n";
  } else {
    out = {.status = 400,
           .body = "say of what: ?route=NAME, ?consumer=NAME or ?upstream=NAME&target=ADDRESS\n"};
  }
  return out;
}

SmallAnswer AdminServer::act_on_target(std::string_view path, const std::string& by) const {
  using nlohmann::json;
  const auto action = TargetAction::parse(path);
  const bool done = action && sources_.act_on_target(*action);
  if (!action) return {.status = 404, .body = "not found\n"};
  sources_.audit(std::string(action->name), by,
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

namespace {

// The question in a body of JSON.
Result<Question> read_question(const SmallRequest& request) {
  using nlohmann::json;
  if (request.body_bytes > request.body.size())
    return Error{"the question has more than " + std::to_string(request.body.size()) + " bytes"};
  const json asked = json::parse(request.body, nullptr, false);
  if (!asked.is_object())
    return Error{"send {\"curl\": LINE} or {\"method\": ..., \"url\": ..., \"headers\": [\"Name: value\"]}"};
  const auto text = [&asked](const char* key) {
    const auto found = asked.find(key);
    return found != asked.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Question question;
  if (asked.contains("curl")) {
    auto read = read_curl_line(text("curl"));
    if (!read) return read.error();
    question = std::move(*read);
  } else {
    question.method = text("method");
    question.url = text("url");
    question.body = text("body");
    if (question.method.empty() || question.url.empty()) return Error{"`method` and `url` are needed"};
    const auto headers = asked.find("headers");
    if (headers != asked.end() && headers->is_array()) {
      for (const json& header : *headers) {
        if (header.is_string()) question.headers.push_back(header.get<std::string>());
      }
    }
  }
  question.client = text("client");
  question.listener = text("listener");
  question.certificate = text("certificate");
  return question;
}

}  // namespace

Task<SmallAnswer> AdminServer::explain(const SmallRequest& request) const {
  using nlohmann::json;
  SmallAnswer out{.content_type = "application/json"};
  auto question = read_question(request);
  Result<json> told = question ? Result<json>(json()) : Result<json>(question.error());
  if (question) {
    Task<Result<json>> asking = sources_.explain(std::move(*question));
    told = co_await asking;
  }
  if (!told) {
    out.status = 400;
    told = json{{"error", told.error().message}};
  }
  out.body = told->dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  co_return out;
}

SmallAnswer AdminServer::look(const SmallRequest& request) const {
  const std::string_view path = request.head.path;
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/readyz") {
    if (sources_.ready()) return {.body = "ready\n"};
    return {.status = 503, .body = "not ready\n"};
  }
  if (path == "/metrics") {
    // What Prometheus asks for first when it takes native histograms.
    static constexpr std::string_view kProtobuf = "application/vnd.google.protobuf";
    const http::Field* accept = request.head.fields.find("accept");
    using Form = telemetry::Registry::Form;
    if (accept != nullptr && accept->value.starts_with(kProtobuf))
      return {.content_type =
                  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                  "encoding=delimited",
              .body = sources_.metrics(Form::kProtobuf)};
    return {.content_type = "text/plain; version=0.0.4", .body = sources_.metrics(Form::kText)};
  }
  if (path == "/api/series") return series(request.head.query);
  SmallAnswer out{.content_type = "application/json"};
  if (path == "/upstreams") out.body = describe(sources_.states().targets);
  if (path == "/splits") out.body = describe(sources_.states().branches);
  if (path == "/api/config") out.body = describe_config(sources_.config()).dump() + "\n";
  if (path == "/api/history") out.body = feed_.history() + "\n";
  return out;
}

Task<SmallAnswer> AdminServer::perform(const Endpoint& endpoint, const SmallRequest& request,
                                       const AdminGuard::Caller& caller) {
  using What = Endpoint::What;
  // One answer, named: clang 14 destroys the temporaries of a co_return that another case has never made.
  SmallAnswer out;
  switch (endpoint.what) {
    case What::kLook:
    case What::kOpen: out = look(request); break;
    case What::kExplain: {
      Task<SmallAnswer> explaining = explain(request);
      out = co_await explaining;
      break;
    }
    case What::kLive: out = live(); break;
    case What::kTail: out = tail(request.head.query); break;
    case What::kSession: out = session(caller); break;
    case What::kLogOut: out = guard_.log_out(request); break;
    case What::kLogIn: {
      Task<SmallAnswer> logging_in = guard_.log_in(request);
      out = co_await logging_in;
      break;
    }
    case What::kNow: {
      Task<std::string> asking = feed_.now();
      out.body = co_await asking;
      out.content_type = "application/json";
      break;
    }
    case What::kChange: {
      Task<SmallAnswer> changing = change(endpoint, request, caller);
      out = co_await changing;
      break;
    }
  }
  co_return out;
}

Task<SmallAnswer> AdminServer::change(const Endpoint& endpoint, const SmallRequest& request,
                                      const AdminGuard::Caller& caller) {
  const std::string by = "admin " + (caller.name.empty() ? "" : caller.name + " ") + request.peer;
  SmallAnswer out;
  if (endpoint.path.starts_with("/v1/upstreams/")) {
    out = act_on_target(request.head.path, by);
  } else if (endpoint.path == "/splits/resume") {
    out = resume(request.head.query, by);
  } else if (endpoint.path == "/cache/purge") {
    out = purge(request.head.query, by);
  } else {
    Task<ReloadOutcome> reloading = sources_.reload(by);
    ReloadOutcome outcome = co_await reloading;
    out.status = outcome.succeeded ? 200 : 409;
    out.body = std::move(outcome.report);
  }
  co_return out;
}

Task<SmallAnswer> AdminServer::answer(const SmallRequest& request) {
  // Nothing but the dashboard's own files, in nobody's frame; and nobody guesses at what something is.
  static constexpr std::string_view kDefence =
      "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
      "data:; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
      "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
      "cross-origin-resource-policy: same-origin\r\ncross-origin-opener-policy: same-origin\r\n";
  const std::string_view method = request.head.method;
  const bool looks = method == "GET" || method == "HEAD";
  const WebFile* file = find_web_file(request.head.path);
  const Endpoint* endpoint = find_endpoint(request.head.path);
  SmallAnswer out;
  AdminGuard::Caller caller;
  const bool changes = endpoint != nullptr && endpoint->what == Endpoint::What::kChange;
  const bool open = file != nullptr || (endpoint != nullptr && endpoint->open());
  if (auto refusal = guard_.refuse(request, changes, open, caller)) {
    out = std::move(*refusal);
  } else if (file == nullptr && endpoint == nullptr) {
    out = {.status = 404, .body = "not found\n"};
  } else if (endpoint != nullptr && endpoint->by_post() ? method != "POST" : !looks) {
    const bool post = endpoint != nullptr && endpoint->by_post();
    out = {.status = 405, .fields = post ? "allow: POST\r\n" : "allow: GET, HEAD\r\n"};
  } else if (file != nullptr) {
    out = {.content_type = std::string(file->content_type), .body = std::string(file->content)};
  } else {
    Task<SmallAnswer> performing = perform(*endpoint, request, caller);
    out = co_await performing;
  }
  out.fields += kDefence;
  co_return out;
}

}  // namespace portcullis::control
