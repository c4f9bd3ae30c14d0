#include "policy/forward_auth/forward_auth.h"

#include "base/text.h"
#include "config/settable_fields.h"
#include "http/characters.h"
#include "policy/authentication.h"
#include "policy/bounded_cache.h"
#include "policy/forward_auth/reasons.h"
#include "policy/http_clients.h"
#include "policy/outside.h"
#include "policy/per_worker.h"
#include "policy/services.h"
#include "policy/template.h"

namespace portcullis::policy::forward_auth {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct CacheSettings {
  std::string key;
  std::chrono::milliseconds ttl{60'000};
};

struct Settings : AuthenticationSettings, OutsideService {
  std::string method = "GET";
  std::vector<std::string> send{"authorization", "cookie"};
  std::vector<std::string> forward;
  std::vector<std::string> answer{"content-type", "location", "set-cookie", "www-authenticate"};
  std::vector<std::string> cookies;
  uint64_t answer_size = 1 << 20;
  std::string consumer_field;
  CacheSettings cache;
};

// A cached admission: what the service returned for an accepted request.
struct Admission {
  Fields forwarded;
  const identity::Consumer* consumer;
};

class ForwardAuth final : public Authentication {
 public:
  ForwardAuth(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build),
        settings_(settings),
        ca_file_(build.location.beside(settings.ca)),
        key_(settings.cache.key),
        clients_(build.services.get<HttpClients>()),
        service_(fault_state_of(settings, "forward_auth")),
        caches_(build.workers) {}

  // The service decides about every request, also about requests without a credential.
  bool presented(const Context&) const override { return true; }
  std::string_view challenge() const override { return {}; }
  const EndReason& missing_reason() const override { return kReasons.auth_missing; }

  void add_owned_fields(OwnedFields& fields) const override {
    const http::FieldNames sent(settings_.send);
    for (const std::string& name : settings_.forward) fields.add(name, sent.contains(name));
    for (const std::string& name : settings_.send) fields.read.add(name);
    key_.add_read_fields(fields);
  }

  // A service that is not asked again may decide differently about the request now.
  Decision admit_recorded(Context&, const Replay::Identity&) const override { return Decision::unknown(); }
  Decision authenticate(Context& context) const override {
    const std::string_view key = key_.expand(context);
    if (!key.empty()) {
      if (const Admission* known = cache(context).find(key, context.loop.now()))
        return admit(context, *known);
    }
    if (context.purpose == Purpose::kExplainOffline) return Decision::unknown();
    return Decision::suspend(ask(context, std::string(key)));
  }

  Decision on_response(Context& context) const override {
    const auto* kept = context.kept<std::vector<std::string>>(this);
    if (kept == nullptr) return Decision::proceed();
    for (const std::string& cookie : *kept)
      context.response.fields.add("set-cookie", cookie, http::FieldId::kSetCookie);
    return Decision::proceed();
  }

  Notes explain(Context& context, const Decision& decision) const override {
    if (decision.kind == Decision::Kind::kUnknown) return {"would ask " + settings_.url};
    if (context.caller.consumer != nullptr) return Authentication::explain(context, decision);
    return {};
  }

 private:
  BoundedCache<Admission>& cache(const Context& context) const {
    return caches_.get(context.worker, [] { return std::make_unique<BoundedCache<Admission>>(kCached); });
  }

  // Builds the request to the service. Allocates; a request to another server costs far more.
  client::HttpRequest question(const Context& context) const {
    const http::RequestHead& request = context.request;
    const std::string query = request.has_query ? "?" + std::string(request.query) : "";
    client::HttpRequest out;
    out.method = settings_.method;
    out.url = settings_.url;
    out.ca_file = ca_file_;
    out.timeout = settings_.timeout;
    out.max_bytes = settings_.answer_size;
    out.fields = {{"x-forwarded-method", std::string(request.method)},
                  {"x-forwarded-proto", std::string(context.uri.scheme)},
                  {"x-forwarded-host", std::string(context.uri.forwarded_host)},
                  {"x-forwarded-uri", std::string(context.uri.path) + query},
                  {"x-forwarded-raw-uri", std::string(request.path) + query},
                  {"x-forwarded-for", std::string(context.client.address)},
                  {"x-request-id", std::string(context.request_id)}};
    // Via lets the gateway detect that its request to the service has come back to itself (RFC 9110 section
    // 7.6.3).
    for (const http::Field& field : request.fields) {
      if (field.id == http::FieldId::kVia) out.fields.emplace_back("via", field.value);
    }
    if (!context.route.pseudonym.empty())
      out.fields.emplace_back("via", "1.1 " + std::string(context.route.pseudonym));
    for (const http::Field& field : request.fields) {
      for (const std::string& name : settings_.send) {
        if (equals_ignoring_case(field.name, name)) out.fields.emplace_back(name, field.value);
      }
    }
    return out;
  }

  Task<Decision> ask(Context& context, std::string key) const {
    client::HttpRequest request = question(context);
    const client::HttpResponse response =
        co_await clients_.of(context.worker, context.loop).fetch(std::move(request));
    // The body of an admission is not used, so it may have any size.
    const bool admits =
        response.status >= 200 && response.status < 300 && (response.error.empty() || response.too_large);
    if ((!admits && !response.error.empty()) || response.status >= 500) {
      service_.failed(response.error.empty() ? "it answers " + std::to_string(response.status)
                                             : response.error);
      if (settings_.on_error == OnError::kDeny)
        co_return Decision::refuse(kReasons.auth_unavailable, "unavailable");
      context.remarks.note = "auth_unavailable_allowed";
      co_return Decision::proceed();
    }
    service_.works();
    if (!admits) co_return pass_on(context, response);
    keep_cookies(context, response);
    Admission admission{{}, nullptr};
    for (const std::string& name : settings_.forward) {
      for (const auto& [its_name, value] : response.fields) {
        if (equals_ignoring_case(its_name, name) && http::is_field_text(value))
          admission.forwarded.emplace_back(name, value);
      }
    }
    if (!settings_.consumer_field.empty())
      admission.consumer = consumers().by_name(response.value_of(to_lower(settings_.consumer_field)));
    if (!key.empty() && !context.explains())
      cache(context).keep(key, admission, context.loop.now() + settings_.cache.ttl);
    co_return admit(context, admission);
  }

  Decision admit(Context& context, const Admission& admission) const {
    context.caller = {admission.consumer, {}, nullptr, true};
    for (const std::string& name : settings_.forward) context.request.fields.remove(name);
    for (const auto& [name, value] : admission.forwarded)
      context.request.fields.add(context.arena.copy(name), context.arena.copy(value));
    return Decision::proceed();
  }

  // Adds the cookies that the service sets to the client's response, which the target or a policy makes.
  void keep_cookies(Context& context, const client::HttpResponse& response) const {
    if (settings_.cookies.empty()) return;
    auto& kept = context.keep_new<std::vector<std::string>>(this);
    for (const auto& [name, value] : response.fields) {
      if (name != "set-cookie" || !http::is_field_text(value)) continue;
      const std::string_view cookie = trim(std::string_view(value).substr(0, value.find('=')));
      for (const std::string& one : settings_.cookies) {
        if (one == cookie) kept.push_back(value);
      }
    }
  }

  // Answers the client with the service's refusal.
  Decision pass_on(Context& context, const client::HttpResponse& response) const {
    context.response.status = static_cast<uint16_t>(response.status);
    for (const auto& [name, value] : response.fields) {
      // The client cannot read the body without its Content-Encoding.
      bool wanted = name == "content-encoding";
      for (const std::string& one : settings_.answer) wanted |= equals_ignoring_case(name, one);
      if (wanted && http::is_field_text(value))
        context.response.fields.add(context.arena.copy(name), context.arena.copy(value));
    }
    return Decision::answer(context.arena.copy(response.body), kReasons.auth_refused);
  }

  static constexpr size_t kCached = 4096;

  Settings settings_;
  std::string ca_file_;
  Template key_;
  HttpClients& clients_;
  mutable FaultState service_;
  PerWorker<BoundedCache<Admission>> caches_;
};

config::Type<std::vector<std::string>> field_names(std::string (*check)(const std::string&)) {
  return config::list_of<std::string>(config::checked_text("a header's name", "", "x-user", check));
}

// Why a field cannot be sent to the service, or "": the request to the service has no body, and the gateway
// sets the fields that describe the original request.
std::string check_sent_field(const std::string& name) {
  if (std::string problem = config::check_question_field(name); !problem.empty()) return problem;
  const auto own = [&](std::string_view field) { return http::same_field_name(name, field); };
  return own("x-forwarded-method") || own("x-forwarded-uri") || own("x-forwarded-raw-uri") ||
                 own("x-request-id") || http::identify_field(name) == http::FieldId::kXForwardedFor ||
                 http::identify_field(name) == http::FieldId::kXForwardedHost ||
                 http::identify_field(name) == http::FieldId::kXForwardedProto
             ? "`" + name + "` is in this list already"
             : "";
}

}  // namespace

Kind kind() {
  auto cache = std::make_shared<config::ObjectType<CacheSettings>>(
      "cache", "Remembers decisions that accept a request. Refusals are never remembered.");
  cache
      ->required(
          "key", &CacheSettings::key,
          config::text_with_variables("a text with variables", "'{request.header.authorization}'",
                                      Template::check),
          "A text with everything on which the decision of the service depends, such as "
          "`{request.header.authorization}`. For a request whose key is empty, the service is always asked.")
      .optional("ttl", &CacheSettings::ttl, config::duration(), "How long a decision is remembered.");
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "forward_auth",
      "Lets another service decide about a request: an answer of 2xx accepts it, and any other answer below "
      "500 is sent to the client. The service gets the method, the URI and the client address of the request "
      "in fields `x-forwarded-*`, but not its body. `x-forwarded-uri` has the path by which routes are "
      "chosen, "
      "`x-forwarded-raw-uri` the path as the client wrote it.");
  add_outside_fields<Settings>(*type);
  type->optional("method", &Settings::method, config::text("POST"),
                 "The method of the request to the service.")
      .optional("send", &Settings::send, field_names(check_sent_field),
                "Header fields of the request that the service gets.")
      .optional("forward", &Settings::forward, field_names(config::check_request_field),
                "Header fields of the service's answer that the backend gets. Fields of these names that a "
                "client sends are removed.")
      .optional(
          "answer", &Settings::answer, field_names(config::check_response_field),
          "Header fields of the service's refusal that the client gets, in addition to `content-encoding`.")
      .optional("cookies", &Settings::cookies,
                config::list_of<std::string>(
                    config::checked_text("a cookie's name", "", "session", config::check_cookie_name)),
                "Names of cookies that the service may set when it accepts a request: the client gets them "
                "with the response. A remembered decision sets no cookies.")
      .optional("answer_size", &Settings::answer_size, config::size(),
                "Max size of the body of a refusal. An answer with a larger body counts as a failure of the "
                "service (`on_error`).")
      .optional("consumer_field", &Settings::consumer_field, config::text("x-consumer"),
                "The header field of the service's answer that names the consumer.")
      .optional("cache", &Settings::cache, cache,
                "Remembers decisions that accept a request. Refusals are never remembered.");
  return with_insight<Settings>(make_kind<Settings, ForwardAuth>("forward_auth", type)
                                    .with_reasons(kReasons)
                                    .with_traits({.authenticates = true}),
                                [](const Settings& settings, const config::PolicyUse&) {
                                  Insight out = authentication_insight(settings);
                                  out.asks.push_back(settings.url);
                                  return out;
                                });
}

}  // namespace portcullis::policy::forward_auth
