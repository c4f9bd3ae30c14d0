#include "policy/authentication.h"

namespace portcullis::policy {

Authentication::Authentication(const AuthenticationSettings& settings, const BuildContext& build)
    : consumers_(build.consumers), anonymous_(consumers_->by_name(settings.anonymous)) {}

Decision Authentication::on_request(Context& context) const {
  if (presented(context)) {
    context.authenticator = static_cast<const Policy*>(this);
    if (context.replay != nullptr && context.replay->identity)
      return admit_recorded(context, *context.replay->identity);
    return authenticate(context);
  }
  if (anonymous_ == nullptr) return unauthorized(context, challenge(), missing_reason());
  context.caller.consumer = anonymous_;
  return Decision::proceed();
}

Decision Authentication::admit_recorded(Context& context, const Replay::Identity& identity) const {
  const identity::Consumer* consumer = consumers_->by_name(identity.consumer);
  if (consumer == nullptr) return authenticate(context);  // the stand-in is a credential of no consumer
  context.caller = {consumer, context.arena.copy(identity.credential), identity.claims, true};
  return Decision::proceed();
}

Notes Authentication::explain(Context& context, const Decision& decision) const {
  if (decision.kind != Decision::Kind::kContinue) return {};
  const identity::Caller& caller = context.caller;
  std::string note = caller.consumer == nullptr ? "caller without a consumer's name"
                                                : "consumer `" + caller.consumer->name + "`";
  if (!caller.authenticated && caller.consumer != nullptr) note += ", as anonymous";
  if (!caller.credential.empty()) note += ", by `" + std::string(caller.credential) + "`";
  return {std::move(note)};
}

Decision Authentication::unauthorized(Context& context, std::string_view challenge, const EndReason& reason) {
  if (!challenge.empty()) context.response.fields.add("www-authenticate", challenge);
  return Decision::refuse(reason, "unauthorized");
}

Insight authentication_insight(const AuthenticationSettings& settings) {
  return {.admits_anonymous = !settings.anonymous.empty()};
}

void check_authentication(const AuthenticationSettings& settings, const config::Config& config,
                          config::Diagnostics& diagnostics) {
  if (settings.anonymous.empty()) return;  // saves collecting the names of all consumers for each route
  std::vector<std::string_view> known;
  for (const config::Consumer& consumer : config.consumers) known.push_back(consumer.name);
  diagnostics.refuse_unknown("consumer", settings.anonymous, known, settings.anonymous_location);
}

}  // namespace portcullis::policy
