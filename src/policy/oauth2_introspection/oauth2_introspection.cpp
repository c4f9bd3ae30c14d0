#include "policy/oauth2_introspection/oauth2_introspection.h"

#include <cmath>
#include <cstdlib>

#include "base/wall_clock.h"
#include "config/marked_type.h"
#include "crypto/encoding.h"
#include "http/query.h"
#include "policy/authentication.h"
#include "policy/bounded_cache.h"
#include "policy/claims_rules.h"
#include "policy/credential_place.h"
#include "policy/http_clients.h"
#include "policy/oauth2_introspection/reasons.h"
#include "policy/outside.h"
#include "policy/per_worker.h"
#include "policy/services.h"

namespace portcullis::policy::oauth2_introspection {
namespace {

struct Settings : AuthenticationSettings, CredentialPlace, OutsideService, ClaimsSettings {
  Settings() {
    header = "authorization";
    scheme = "Bearer";
    credential = Credential::kPass;
  }
  std::string client_id;
  std::string client_secret;
  std::chrono::milliseconds cache{60'000};
};

// The server's answer about a token. `claims` is null when the token is not active.
struct Answer {
  std::shared_ptr<const identity::Claims> claims;
};

// Encodes `text` as application/x-www-form-urlencoded.
std::string form_encode(std::string_view text) {
  return http::percent_encode(text, "-._");
}

class Introspection final : public Authentication {
 public:
  Introspection(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build),
        settings_(settings),
        ca_file_(build.location.beside(settings.ca)),
        claims_(settings, kReasons.token_unknown_consumer, kReasons.token_requirement),
        clients_(build.services.get<HttpClients>()),
        service_(fault_state_of(settings, "oauth2_introspection")),
        caches_(build.workers) {
    // RFC 6749 section 2.3.1: client id and secret are form-encoded before they are joined.
    if (!settings.client_id.empty()) {
      authorization_ = "Basic " + crypto::base64_encode(form_encode(settings.client_id) + ":" +
                                                            form_encode(settings.client_secret),
                                                        crypto::Base64::kStandard);
    }
  }

  bool presented(const Context& context) const override { return settings_.find(context).has_value(); }
  void add_reads(RequestReads& reads) const override {
    settings_.add_reads(reads);
    claims_.add_reads(reads);
  }
  Decision admit_recorded(Context& context, const Replay::Identity& identity) const override {
    if (!identity.claims) return authenticate(context);
    return claims_.admit(context, identity.claims, claims_.consumer_of(*identity.claims, consumers()));
  }
  void add_owned_fields(OwnedFields& fields) const override { claims_.add_owned_fields(fields); }
  std::string_view challenge() const override { return "Bearer"; }
  const EndReason& missing_reason() const override { return kReasons.token_missing; }

  Decision authenticate(Context& context) const override {
    const std::string_view token = *settings_.find(context);
    if (token.empty() || token.size() > kMaxToken) return invalid(context, kReasons.token_malformed);
    if (const Answer* known = cache(context).find(token, context.loop.now())) return judge(context, *known);
    if (context.purpose == Purpose::kExplainOffline) return Decision::unknown();
    return Decision::suspend(ask(context, std::string(token)));
  }

  Notes explain(Context& context, const Decision& decision) const override {
    if (decision.kind == Decision::Kind::kUnknown) return {"would ask " + settings_.url};
    return Authentication::explain(context, decision);
  }

 private:
  static Decision invalid(Context& context, const EndReason& reason) {
    return unauthorized(context, R"(Bearer error="invalid_token")", reason);
  }
  BoundedCache<Answer>& cache(const Context& context) const {
    return caches_.get(context.worker, [] { return std::make_unique<BoundedCache<Answer>>(kCached); });
  }

  Task<Decision> ask(Context& context, std::string token) const {
    client::HttpRequest request;
    request.method = "POST";
    request.url = settings_.url;
    request.ca_file = ca_file_;
    request.timeout = settings_.timeout;
    request.max_bytes = 64 * 1024;
    request.fields = {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "application/json"}};
    if (!authorization_.empty()) request.fields.emplace_back("authorization", authorization_);
    request.body = "token=" + form_encode(token) + "&token_type_hint=access_token";
    const client::HttpResponse response =
        co_await clients_.of(context.worker, context.loop).fetch(std::move(request));
    const auto told = response.ok() ? identity::Claims::parse(response.body) : nullptr;
    const identity::Claims::Claim* active = told ? told->find("active") : nullptr;
    if (active == nullptr || active->kind != identity::Claims::Kind::kBoolean || active->in_array) {
      // A 401 counts as a failure too: the server has refused the credentials of the gateway.
      service_.failed(!response.error.empty() ? response.error
                      : response.ok()         ? "its answer does not say whether the token is active"
                                              : "it answers " + std::to_string(response.status));
      if (settings_.on_error == OnError::kDeny)
        co_return Decision::refuse(kReasons.token_unavailable, "unavailable");
      context.remarks.note = "token_unavailable_allowed";
      co_return Decision::proceed();
    }
    service_.works();
    const Answer answer{active->text == "true" ? told : nullptr};
    // The answer for an inactive token is kept only for a short time, because the token may become active.
    // judge() checks the expiry of active tokens.
    const Milliseconds ttl = answer.claims ? settings_.cache : std::min(settings_.cache, kInactive);
    if (ttl.count() > 0 && !context.explains()) cache(context).keep(token, answer, context.loop.now() + ttl);
    co_return judge(context, answer);
  }

  Decision judge(Context& context, const Answer& answer) const {
    if (!answer.claims || current_second() >= expiry_of(*answer.claims))
      return invalid(context, kReasons.token_inactive);
    const identity::Consumer* consumer = claims_.consumer_of(*answer.claims, consumers());
    Decision decision = claims_.admit(context, answer.claims, consumer);
    if (decision.kind == Decision::Kind::kContinue && settings_.credential == Credential::kHide)
      settings_.hide(context);
    return decision;
  }

  // The time at which the token expires. An `exp` that is not a number counts as expired.
  static std::chrono::sys_seconds expiry_of(const identity::Claims& claims) {
    if (!claims.has_value("exp"))
      return std::chrono::sys_seconds(std::chrono::seconds(int64_t{100'000'000'000}));
    const std::string text(claims.text_of("exp"));
    const double seconds = std::strtod(text.c_str(), nullptr);
    return std::chrono::sys_seconds(std::chrono::seconds(static_cast<int64_t>(std::min(seconds, 1e11))));
  }

  static constexpr size_t kMaxToken = 16 * 1024;
  static constexpr size_t kCached = 4096;
  static constexpr Milliseconds kInactive{5'000};

  Settings settings_;
  std::string ca_file_;
  ClaimsRules claims_;
  std::string authorization_;
  HttpClients& clients_;
  mutable FaultState service_;
  PerWorker<BoundedCache<Answer>> caches_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "oauth2_introspection",
      "Finds the consumer by a token: the gateway asks the authorization server about it (RFC 7662). A token "
      "that is not active gets 401, a token that does not meet `require` gets 403.");
  add_outside_fields(*type);
  type->optional("client_id", &Settings::client_id, config::text("gateway"),
                 "The client id of the gateway (HTTP Basic).")
      .optional("client_secret", &Settings::client_secret, config::secret(config::text("'${CLIENT_SECRET}'")),
                "The secret of that client. It is best a `${VARIABLE}` or `${file:...}`.")
      .optional("cache", &Settings::cache, config::duration(),
                "How long an answer is remembered, but never past the `exp` of the token. 0s: the server is "
                "asked for each request. A revoked token is refused after this time at the latest.");
  add_claims_fields(*type);
  add_place_fields(*type, "token");
  return with_insight<Settings>(
      make_authentication_kind<Settings, Introspection>("oauth2_introspection", type)
          .with_reasons(kReasons)
          .with_traits({.authenticates = true, .tells_claims = true}),
      [](const Settings& settings, const config::PolicyUse& use) {
        Insight out = authentication_insight(settings);
        add_claims_insight(settings, use.location, out);
        out.asks.push_back(settings.url);
        return out;
      });
}

}  // namespace portcullis::policy::oauth2_introspection
