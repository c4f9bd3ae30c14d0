#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace portcullis::policy {

// The settings that all authentication policies share.
struct AuthenticationSettings {
  std::string anonymous;
  config::Location anonymous_location;
};

// A policy that identifies the caller. Each authentication policy reads one kind of credential; `any_of`
// combines several policies.
class Authentication : public Policy {
 public:
  Authentication(const AuthenticationSettings& settings, const BuildContext& build);

  // Calls authenticate() when the request carries a credential. Otherwise the anonymous consumer becomes the
  // caller, or without an anonymous consumer the request is refused with 401.
  Decision on_request(Context& context) const final;
  Notes explain(Context& context, const Decision& decision) const override;

  // True when the request carries a credential of this kind, valid or not.
  virtual bool presented(const Context& context) const = 0;
  // Verifies the credential of the request: sets Context::caller and proceeds, or refuses the request, or
  // suspends it.
  virtual Decision authenticate(Context& context) const = 0;
  // Decides about a recorded request whose credential led to `identity`, as authenticate() would about the
  // credential. A consumer that no longer exists is refused as an unknown credential is.
  virtual Decision admit_recorded(Context& context, const Replay::Identity& identity) const;
  // The value of WWW-Authenticate for a request without a credential (RFC 9110 section 11.6.1).
  virtual std::string_view challenge() const = 0;
  // The reason for which a request without a credential is refused.
  virtual const EndReason& missing_reason() const = 0;

 protected:
  // Refuses with 401. The client gets only the challenge; the reason is only in the log.
  static Decision unauthorized(Context& context, std::string_view challenge, const EndReason& reason);
  const identity::Directory& consumers() const { return *consumers_; }

 private:
  std::shared_ptr<const identity::Directory> consumers_;
  const identity::Consumer* anonymous_;  // null when no anonymous consumer is configured
};

// Adds `anonymous` to an authentication policy's settings, which derive from AuthenticationSettings.
template <typename Settings>
void add_authentication_fields(config::ObjectType<Settings>& type) {
  type.optional("anonymous", &AuthenticationSettings::anonymous, config::text("guest"),
                "The consumer for requests without a credential. Without this setting such requests are "
                "refused. A wrong credential is always refused.")
      .locate_last(&AuthenticationSettings::anonymous_location);
}

// Reports an error when `anonymous` does not name a consumer.
void check_authentication(const AuthenticationSettings& settings, const config::Config& config,
                          config::Diagnostics& diagnostics);

// The part of the Insight that is the same for all authentication policies.
Insight authentication_insight(const AuthenticationSettings& settings);

// make_kind() for an authentication policy without checks of its own: adds the settings that authentication
// policies share to `type`. `credential` becomes Insight::credential.
template <typename Settings, typename Made>
Kind make_authentication_kind(std::string name, const std::shared_ptr<config::ObjectType<Settings>>& type,
                              const std::string& credential = {}) {
  add_authentication_fields<Settings>(*type);
  return with_insight<Settings>(
      make_kind<Settings, Made>(
          std::move(name), type,
          [](const config::PolicyUse&, const Settings& settings, const config::Config& config,
             config::Diagnostics& diagnostics) { check_authentication(settings, config, diagnostics); })
          .with_traits({.authenticates = true}),
      [credential](const Settings& settings, const config::PolicyUse&) {
        Insight out = authentication_insight(settings);
        out.credential = credential;
        return out;
      });
}

}  // namespace portcullis::policy
