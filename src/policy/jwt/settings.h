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

// Where the keys are: one of the ways.
struct KeySettings {
  config::Location location;
  std::string file;
  std::string inline_text;
  std::string url;
  bool discover = false;
  std::string ca;
  std::chrono::milliseconds refresh{0};  // 0: the way's own default
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

// The keys that stand in the configuration itself, or nothing when they are kept elsewhere.
std::optional<Result<std::vector<crypto::NamedVerifier>>> configured_keys(const JwtSettings& settings);

// Where the keys are kept, when it is elsewhere. `use` tells what a relative path begins at.
identity::KeyPlace key_place(const JwtSettings& settings, const config::Location& from);

}  // namespace portcullis::policy::jwt
