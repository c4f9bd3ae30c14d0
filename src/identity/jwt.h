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
  kMalformed,   // not three parts of base64url, or a part is not a JSON object
  kAlgorithm,   // missing, unknown, or not admitted by the rules
  kCritical,    // `crit` requires an extension (RFC 7515 section 4.1.11); none is supported
  kType,        // `typ` differs from the required type (RFC 8725 section 3.11)
  kUnknownKey,  // no key matches the `kid` and the algorithm
  kSignature,
  kExpired,
  kNotYetValid,
  kNoExpiry,
  kIssuer,
  kAudience,
};

// The requirements for a token.
struct TokenRules {
  std::vector<crypto::Algorithm> algorithms;  // the admitted algorithms
  std::vector<std::string> issuers;           // the admitted issuers; empty: any issuer
  std::vector<std::string> audiences;         // the admitted audiences
  // When false, a token with an audience is admitted only if the audience is one of `audiences`.
  bool any_audience = false;
  std::string type;  // the required `typ`; empty: any type
  bool needs_expiry = true;
  std::chrono::seconds leeway{30};
};

struct VerifiedToken {
  TokenFault fault = TokenFault::kNone;
  std::shared_ptr<const Claims> claims;   // null when the token is refused
  std::chrono::sys_seconds good_until{};  // `exp` plus the leeway; far in the future without `exp`
};

// Verifies a signed token in compact form (RFC 7515 section 5.2, RFC 7519 section 7.2) by the rules of RFC
// 8725: the key decides which algorithms are possible, `jku`, `jwk`, `x5u` and `x5c` are ignored, encrypted
// tokens are refused. Any thread.
VerifiedToken verify_token(std::string_view token, const KeySet& keys, const TokenRules& rules,
                           std::chrono::system_clock::time_point now);

}  // namespace portcullis::identity
