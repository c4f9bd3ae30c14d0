#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/signature.h"
#include "identity/claims.h"
#include "identity/key_set.h"

namespace portcullis::identity {

// Why a token is refused.
enum class TokenFault : uint8_t {
  kNone,
  kTooLong,
  kMalformed,   // not three parts of base64url, or no JSON objects within
  kAlgorithm,   // none, unknown, or not admitted here
  kCritical,    // `crit` asks for an extension (RFC 7515 section 4.1.11); none is known here
  kType,        // another `typ` than asked for (RFC 8725 section 3.11)
  kUnknownKey,  // no key of that `kid` and algorithm
  kSignature,
  kExpired,
  kNotYetValid,
  kNoExpiry,
  kIssuer,
  kAudience,
};

// What a token must be like.
struct TokenRules {
  std::vector<crypto::Algorithm> algorithms;  // those admitted
  std::vector<std::string> issuers;           // any of them; empty: any
  std::vector<std::string> audiences;         // any of them
  bool any_audience = false;                  // else a token for an audience needs one of `audiences`
  std::string type;                           // empty: any
  bool needs_expiry = true;
  std::chrono::seconds leeway{30};
};

struct VerifiedToken {
  TokenFault fault = TokenFault::kNone;
  std::shared_ptr<const Claims> claims;   // when there is no fault
  std::chrono::sys_seconds good_until{};  // `exp` and the leeway; the far future without `exp`
};

// Verifies a signed token in compact form (RFC 7515 section 5.2, RFC 7519 section 7.2) by the rules of RFC
// 8725: the key decides which algorithm may verify, `jku`, `jwk`, `x5u` and `x5c` are not looked at,
// encrypted tokens are refused. Any thread.
VerifiedToken verify_token(std::string_view token, const KeySet& keys, const TokenRules& rules,
                           std::chrono::system_clock::time_point now);

}  // namespace portcullis::identity
