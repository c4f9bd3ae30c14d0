#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace portcullis::policy {

// What every authentication policy's settings begin with.
struct AuthenticationSettings {
  std::string anonymous;
  config::Location anonymous_location;
};

// A policy that tells who calls. Each looks at one kind of credential; `any_of` offers several.
class Authentication : public Policy {
 public:
  Authentication(const AuthenticationSettings& settings, const BuildContext& build);

  // With a credential, authenticate(). Without, the anonymous consumer or 401.
  Decision on_request(Context& context) const final;
  Notes explain(Context& context, const Decision& decision) const override;

  // The request carries a credential of this kind, good or bad.
  virtual bool presented(const Context& context) const = 0;
  // Judges what was presented: sets Context::caller and proceeds, or refuses, or suspends.
  virtual Decision authenticate(Context& context) const = 0;
  // What WWW-Authenticate tells a request without a credential (RFC 9110 section 11.6.1).
  virtual std::string_view challenge() const = 0;
  // The reason for which a request without a credential is refused.
  virtual const EndReason& missing_reason() const = 0;

 protected:
  // 401. The client learns the challenge and no more; the log learns the reason.
  static Decision unauthorized(Context& context, std::string_view challenge, const EndReason& reason);
  const identity::Directory& consumers() const { return *consumers_; }

 private:
  std::shared_ptr<const identity::Directory> consumers_;
  const identity::Consumer* anonymous_;  // null: none
};

// Adds `anonymous` to an authentication policy's settings, which derive from AuthenticationSettings.
template <typename Settings>
void add_authentication_fields(config::ObjectType<Settings>& type) {
  type.optional("anonymous", &AuthenticationSettings::anonymous, config::text("guest"),
                "The consumer for requests without a credential. Without this setting such requests are "
                "refused. A wrong credential is always refused.")
      .locate_last(&AuthenticationSettings::anonymous_location);
}

// Reports an `anonymous` that is no consumer.
void check_authentication(const AuthenticationSettings& settings, const config::Config& config,
                          config::Diagnostics& diagnostics);

// What all authentication policies have to tell.
Insight authentication_insight(const AuthenticationSettings& settings);

// make_kind() for an authentication policy that has nothing else to check: adds what they share to `type`.
// `credential`: Insight's.
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
