#include "policy/any_of/any_of.h"

#include "config/policy_list.h"
#include "policy/any_of/reasons.h"
#include "policy/authentication.h"

namespace portcullis::policy::any_of {
namespace {

struct Settings : AuthenticationSettings {
  std::vector<config::PolicyUse> methods;
  config::Location methods_location;
};

using Methods = std::vector<std::shared_ptr<const Authentication>>;

Methods build_methods(const Settings& settings, const std::vector<Kind>& kinds, const BuildContext& build) {
  Methods out;
  BuildContext own = build;
  for (const config::PolicyUse& use : settings.methods) {
    own.location = use.location;
    out.push_back(std::static_pointer_cast<const Authentication>(
        find_kind(kinds, use.name)->create(use.settings, own)));
  }
  return out;
}

// AnyOf is an authentication method too: its credential is present when the credential of one of its methods
// is.
class AnyOf final : public Authentication {
 public:
  AnyOf(const Settings& settings, Methods methods, const BuildContext& build)
      : Authentication(settings, build), methods_(std::move(methods)) {
    for (const auto& method : methods_) {
      // One field may hold several challenges (RFC 9110 section 11.6.1).
      const std::string_view challenge = method->challenge();
      if (!challenge.empty()) challenge_ += (challenge_.empty() ? "" : ", ") + std::string(challenge);
    }
  }

  bool presented(const Context& context) const override {
    return std::any_of(methods_.begin(), methods_.end(),
                       [&](const auto& method) { return method->presented(context); });
  }
  void add_reads(RequestReads& reads) const override {
    for (const auto& method : methods_) method->add_reads(reads);
  }
  void add_owned_fields(OwnedFields& fields) const override {
    for (const auto& method : methods_) method->add_owned_fields(fields);
  }
  Decision on_response(Context& context) const override { return respond(context, 0); }
  std::string_view challenge() const override { return challenge_; }
  const EndReason& missing_reason() const override { return kReasons.credential_missing; }

  Decision authenticate(Context& context) const override { return attempt(context, 0, {}); }
  Decision admit_recorded(Context& context, const Replay::Identity& identity) const override {
    for (const auto& method : methods_) {
      if (method->presented(context)) return method->admit_recorded(context, identity);
    }
    return authenticate(context);
  }

 private:
  // Shows the response to the methods from index `first` on.
  Decision respond(Context& context, size_t first) const {
    for (size_t i = first; i < methods_.size(); ++i) {
      Decision decision = methods_[i]->on_response(context);
      if (decision.kind == Decision::Kind::kSuspend)
        return Decision::suspend(
            settle_then(std::move(decision.later), [this, &context, i] { return respond(context, i + 1); }));
      if (decision.kind != Decision::Kind::kContinue) return decision;
    }
    return Decision::proceed();
  }

  // Asks the methods from index `first` on. `refused` is the first refusal of a method before that index, if
  // there was one.
  Decision attempt(Context& context, size_t first, Decision refused) const {
    for (size_t i = first; i < methods_.size(); ++i) {
      if (!methods_[i]->presented(context)) continue;
      Decision decision = methods_[i]->authenticate(context);
      if (decision.kind == Decision::Kind::kSuspend)
        return Decision::suspend(await(context, std::move(decision.later), i, std::move(refused)));
      if (decision.kind == Decision::Kind::kUnknown) return decision;
      if (accepts(context, decision)) return decision;
      if (refused.kind == Decision::Kind::kContinue) refused = std::move(decision);
    }
    return refused;
  }

  Task<Decision> await(Context& context, Task<Decision> later, size_t method, Decision refused) const {
    Task<Decision> settled = settle(std::move(later));
    Decision decision = co_await settled;
    if (accepts(context, decision)) co_return decision;
    if (refused.kind == Decision::Kind::kContinue) refused = std::move(decision);
    co_return attempt(context, method + 1, std::move(refused));
  }

  static bool accepts(Context& context, const Decision& decision) {
    if (decision.kind != Decision::Kind::kContinue) return false;
    context.response.fields.clear();  // removes the challenges of the methods that refused
    return true;
  }

  Methods methods_;
  std::string challenge_;
};

}  // namespace

Kind kind(const std::vector<Kind>& methods) {
  config::PolicyCatalog catalog;
  for (const Kind& kind : methods) catalog.push_back(kind.description);
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "any_of",
      "Offers several authentication policies: the first one that accepts a credential determines the "
      "consumer. When none accepts one, the request is refused as the first of them would refuse it.");
  type->required("methods", &Settings::methods, config::policy_list(catalog),
                 "The authentication policies, in the order in which they are tried.")
      .locate_last(&Settings::methods_location);
  add_authentication_fields<Settings>(*type);
  Kind kind{.description = {"any_of", type}, .create = {}};
  kind.create = [methods](const config::PolicySettings& settings,
                          const BuildContext& build) -> PolicyPointer {
    const Settings& checked = settings.as<Settings>();
    return std::make_shared<AnyOf>(checked, build_methods(checked, methods, build), build);
  };
  kind.check = [methods](const config::PolicyUse& use, const config::Config& config,
                         config::Diagnostics& diagnostics) {
    const Settings& settings = use.settings.as<Settings>();
    check_authentication(settings, config, diagnostics);
    if (settings.methods.empty())
      diagnostics.error(settings.methods_location, "`any_of` needs at least one policy in `methods`");
    for (const config::PolicyUse& method : settings.methods) {
      const Kind* its = find_kind(methods, method.name);
      if (its != nullptr && its->check) its->check(method, config, diagnostics);
    }
  };
  return with_insight<Settings>(std::move(kind).with_reasons(kReasons).with_traits({.authenticates = true}),
                                [methods](const Settings& settings, const config::PolicyUse&) {
                                  Insight out = authentication_insight(settings);
                                  for (const config::PolicyUse& method : settings.methods) {
                                    const Insight its = find_kind(methods, method.name)->insight(method);
                                    out.tells_claims |= method.traits.tells_claims;
                                    out.reads.insert(out.reads.end(), its.reads.begin(), its.reads.end());
                                    out.asks.insert(out.asks.end(), its.asks.begin(), its.asks.end());
                                  }
                                  return out;
                                });
}

}  // namespace portcullis::policy::any_of
