#include "policy/key_auth/key_auth.h"

#include "base/wall_clock.h"
#include "policy/authentication.h"
#include "policy/credential_place.h"
#include "policy/key_auth/reasons.h"

namespace portcullis::policy::key_auth {
namespace {

struct Settings : AuthenticationSettings, CredentialPlace {
  Settings() { header = "x-api-key"; }
};

class KeyAuth final : public Authentication {
 public:
  KeyAuth(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build),
        place_(settings),
        challenge_(settings.scheme.empty() ? "ApiKey" : settings.scheme) {}

  bool presented(const Context& context) const override { return place_.find(context).has_value(); }
  void add_reads(RequestReads& reads) const override { place_.add_reads(reads); }
  std::string_view challenge() const override { return challenge_; }
  const EndReason& missing_reason() const override { return kReasons.key_missing; }

  Decision authenticate(Context& context) const override {
    const std::string_view key = *place_.find(context);
    if (key.size() > kMaxKey) return unauthorized(context, challenge_, kReasons.key_too_long);
    const identity::ApiKey* known = consumers().by_key(crypto::sha256(key));
    if (known == nullptr) return unauthorized(context, challenge_, kReasons.key_unknown);
    if (known->expired(current_second())) return unauthorized(context, challenge_, kReasons.key_expired);
    context.caller = {known->consumer, known->name, nullptr, true};
    if (place_.credential == Credential::kHide) place_.hide(context);
    return Decision::proceed();
  }

 private:
  static constexpr size_t kMaxKey = 1024;

  CredentialPlace place_;
  std::string challenge_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "key_auth",
      "Finds the consumer by an API key in the request. A key that is unknown or has expired gets 401. The "
      "configuration contains only hashes of keys.");
  add_place_fields(*type, "key");
  return make_authentication_kind<Settings, KeyAuth>("key_auth", type, "keys").with_reasons(kReasons);
}

}  // namespace portcullis::policy::key_auth
