#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "identity/jwt.h"
#include "identity/key_sources.h"
#include "policy/authentication.h"
#include "policy/claims_rules.h"
#include "policy/credential_place.h"

namespace portcullis::policy::jwt {

// Where the key set is kept: one of `file`, `inline_text`, `url` and `discover`.
struct KeySettings {
  config::Location location;
  std::string file;
  std::string inline_text;
  std::string url;
  bool discover = false;
  std::string ca;
  std::chrono::milliseconds refresh{0};  // 0 for the default, which differs for files and URLs
  std::chrono::milliseconds cooldown{10'000};
  std::chrono::milliseconds stale{86'400'000};
  std::chrono::milliseconds timeout{5'000};
};

enum class Expiry { kRequired, kOptional };
constexpr auto names_of(Expiry) {
  return std::to_array<EnumName<Expiry>>({{Expiry::kRequired, "required"}, {Expiry::kOptional, "optional"}});
}

struct JwtSettings : AuthenticationSettings, CredentialPlace, ClaimsSettings {
  JwtSettings() {
    header = "authorization";
    scheme = "Bearer";
    credential = Credential::kPass;
  }
  std::vector<std::string> issuer;
  KeySettings jwks;
  std::string secret;
  std::string public_key;
  std::vector<std::string> audience;
  std::vector<std::string> algorithms;
  std::string type;
  std::chrono::milliseconds leeway{30'000};
  Expiry expiry = Expiry::kRequired;
  uint64_t cache = 4096;
};

std::shared_ptr<config::ObjectType<JwtSettings>> jwt_type();

void check_jwt(const JwtSettings& settings, const config::PolicyUse& use, const config::Config& config,
               config::Diagnostics& diagnostics);

identity::TokenRules token_rules(const JwtSettings& settings);

// The keys that are written in the configuration itself; nothing when the keys are kept elsewhere.
std::optional<Result<std::vector<crypto::NamedVerifier>>> configured_keys(const JwtSettings& settings);

// The place where the keys are kept outside of the configuration. Relative paths are relative to the folder
// of the file that `from` names.
identity::KeyPlace key_place(const JwtSettings& settings, const config::Location& from);

}  // namespace portcullis::policy::jwt
