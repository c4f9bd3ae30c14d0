#include "policy/jwt/jwt.h"

#include "policy/bounded_cache.h"
#include "policy/jwt/keys.h"
#include "policy/jwt/reasons.h"
#include "policy/jwt/settings.h"
#include "policy/per_worker.h"
#include "policy/services.h"

namespace portcullis::policy::jwt {
namespace {

using identity::KeySet;
using identity::TokenFault;

const EndReason& reason_for(TokenFault fault) {
  switch (fault) {
    case TokenFault::kTooLong: return kReasons.jwt_too_long;
    case TokenFault::kAlgorithm: return kReasons.jwt_algorithm;
    case TokenFault::kCritical: return kReasons.jwt_critical;
    case TokenFault::kType: return kReasons.jwt_type;
    case TokenFault::kUnknownKey: return kReasons.jwt_unknown_key;
    case TokenFault::kSignature: return kReasons.jwt_signature;
    case TokenFault::kExpired: return kReasons.jwt_expired;
    case TokenFault::kNotYetValid: return kReasons.jwt_not_yet_valid;
    case TokenFault::kNoExpiry: return kReasons.jwt_no_expiry;
    case TokenFault::kIssuer: return kReasons.jwt_issuer;
    case TokenFault::kAudience: return kReasons.jwt_audience;
    case TokenFault::kNone:
    case TokenFault::kMalformed: break;
  }
  return kReasons.jwt_malformed;
}
using identity::VerifiedToken;

class Jwt final : public Authentication {
 public:
  Jwt(const JwtSettings& settings, const BuildContext& build)
      : Authentication(settings, build),
        settings_(settings),
        rules_(token_rules(settings)),
        claims_(settings, kReasons.jwt_unknown_consumer, kReasons.jwt_requirement),
        workers_(build.workers) {
    if (auto configured = configured_keys(settings)) {
      source_ = std::make_shared<identity::KeySource>(std::move(**configured));
    } else {
      const identity::KeyPlace place = key_place(settings, build.location);
      source_ = build.services.get<Keys>().sources().get(place);
      keys_of_ = place.place;
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
  const EndReason& missing_reason() const override { return kReasons.jwt_missing; }

  Notes explain(Context& context, const Decision& decision) const override {
    if (decision.kind == Decision::Kind::kUnknown)
      return {"cannot decide without the keys of " + keys_of_ + ", which only a running gateway fetches"};
    return Authentication::explain(context, decision);
  }

  Decision authenticate(Context& context) const override {
    const std::string_view token = *settings_.find(context);
    PerWorkerState& mine = state(context);
    const uint64_t version = source_->version();
    if (version == 0) return wait_or_refuse(context, version, TokenFault::kUnknownKey);
    const auto now = std::chrono::system_clock::now();
    const Verified* known = mine.cache.find(token, context.loop.now());
    if (known != nullptr && known->keys_version == version && now < known->good_until)
      return admit(context, known->claims, known->consumer);
    if (mine.keys == nullptr || mine.version != version) {
      mine.keys = source_->keys();
      mine.version = version;
      if (mine.keys == nullptr) return wait_or_refuse(context, version, TokenFault::kUnknownKey);
    }
    const VerifiedToken verified = identity::verify_token(token, *mine.keys, rules_, now);
    // The issuer may have a new key, under a new key id or a known one.
    if (verified.fault == TokenFault::kUnknownKey || verified.fault == TokenFault::kSignature)
      return wait_or_refuse(context, version, verified.fault);
    if (verified.fault != TokenFault::kNone) return invalid(context, reason_for(verified.fault));
    const identity::Consumer* consumer = claims_.consumer_of(*verified.claims, consumers());
    if (!context.explains())
      mine.cache.keep(token, {verified.claims, consumer, mine.version, verified.good_until},
                      Clock::time_point::max());
    return admit(context, verified.claims, consumer);
  }

 private:
  struct Verified {
    std::shared_ptr<const identity::Claims> claims;
    const identity::Consumer* consumer;
    uint64_t keys_version;
    std::chrono::sys_seconds good_until;
  };
  struct PerWorkerState {
    explicit PerWorkerState(size_t cached) : cache(cached) {}
    BoundedCache<Verified> cache;
    std::shared_ptr<const KeySet> keys;
    uint64_t version = 0;
    size_t waiting = 0;  // requests that wait for a fetch of keys
  };

  PerWorkerState& state(const Context& context) const {
    return workers_.get(context.worker, [this] { return std::make_unique<PerWorkerState>(settings_.cache); });
  }

  static Decision invalid(Context& context, const EndReason& reason) {
    return unauthorized(context, R"(Bearer error="invalid_token")", reason);
  }

  // True when a fetch of keys is in progress. Only a request that is served begins a fetch, at most one in
  // each `cooldown` of the key set.
  bool others_come(const Context& context) const {
    switch (context.purpose) {
      case Purpose::kServe: return source_->refresh();
      case Purpose::kExplain: return source_->fetching();
      case Purpose::kExplainOffline: break;
    }
    return false;
  }

  // Called when the present keys cannot verify the token. The request waits when a fetch of keys is in
  // progress, otherwise it is refused.
  Decision wait_or_refuse(Context& context, uint64_t version, TokenFault fault) const {
    PerWorkerState& mine = state(context);
    if (version == 0 && context.purpose == Purpose::kExplainOffline) return Decision::unknown();
    if (mine.waiting < kMaxWaiting && others_come(context))
      return Decision::suspend(wait(context, version, fault));
    return version == 0 ? Decision::refuse(kReasons.jwt_no_keys, "unavailable")
                        : invalid(context, reason_for(fault));
  }

  Task<Decision> wait(Context& context, uint64_t version, TokenFault fault) const {
    struct Counted {
      size_t& waiting;
      explicit Counted(size_t& count) : waiting(count) { ++waiting; }
      ~Counted() { --waiting; }
    } counted(state(context).waiting);
    const Clock::time_point deadline = Clock::now() + settings_.jwks.timeout;
    for (;;) {
      const uint64_t seen = source_->fetched().version();
      if (source_->version() != version || !source_->fetching() || Clock::now() >= deadline) break;
      co_await source_->fetched().wait(context.loop, seen, time_until(deadline, context.loop));
    }
    if (source_->version() != version) co_return authenticate(context);
    co_return version == 0 ? Decision::refuse(kReasons.jwt_no_keys, "unavailable")
                           : invalid(context, reason_for(fault));
  }

  Decision admit(Context& context, const std::shared_ptr<const identity::Claims>& claims,
                 const identity::Consumer* consumer) const {
    Decision decision = claims_.admit(context, claims, consumer);
    if (decision.kind == Decision::Kind::kContinue && settings_.credential == Credential::kHide)
      settings_.hide(context);
    return decision;
  }

  static constexpr size_t kMaxWaiting = 1000;

  JwtSettings settings_;
  identity::TokenRules rules_;
  ClaimsRules claims_;
  std::shared_ptr<identity::KeySource> source_;
  std::string keys_of_;  // where the keys are fetched from; empty when they are in the configuration
  PerWorker<PerWorkerState> workers_;
};

}  // namespace

Kind kind() {
  return with_insight<JwtSettings>(
      make_kind<JwtSettings, Jwt>(
          "jwt", jwt_type(),
          [](const config::PolicyUse& use, const JwtSettings& settings, const config::Config& config,
             config::Diagnostics& diagnostics) { check_jwt(settings, use, config, diagnostics); })
          .with_reasons(kReasons)
          .with_traits({.authenticates = true, .tells_claims = true}),
      [](const JwtSettings& settings, const config::PolicyUse& use) {
        Insight out = authentication_insight(settings);
        add_claims_insight(settings, use.location, out);
        if (!settings.jwks.url.empty()) out.asks.push_back(settings.jwks.url);
        if (settings.jwks.discover) out.asks = settings.issuer;
        return out;
      });
}

}  // namespace portcullis::policy::jwt
