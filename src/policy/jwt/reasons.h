#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::jwt {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason jwt_missing{"jwt_missing", 401, "The request has no token."};
  EndReason jwt_too_long{"jwt_too_long", 401, "The token is longer than the gateway accepts."};
  EndReason jwt_malformed{"jwt_malformed", 401, "The token is not a signed JWT."};
  EndReason jwt_algorithm{"jwt_algorithm", 401, "The token is signed by an algorithm that is not accepted."};
  EndReason jwt_critical{"jwt_critical", 401,
                         "The token's header requires an extension that the gateway does not know."};
  EndReason jwt_type{"jwt_type", 401, "The token's type is not the one that is accepted."};
  EndReason jwt_unknown_key{"jwt_unknown_key", 401,
                            "The token is signed with a key that the issuer does not list."};
  EndReason jwt_signature{"jwt_signature", 401, "The token's signature is wrong."};
  EndReason jwt_expired{"jwt_expired", 401, "The token has expired."};
  EndReason jwt_not_yet_valid{"jwt_not_yet_valid", 401, "The token is not valid yet."};
  EndReason jwt_no_expiry{"jwt_no_expiry", 401, "The token does not say when it expires."};
  EndReason jwt_issuer{"jwt_issuer", 401, "The token's issuer is not one that is accepted."};
  EndReason jwt_audience{"jwt_audience", 401, "The token is for another audience."};
  EndReason jwt_unknown_consumer{"jwt_unknown_consumer", 401,
                                 "The token names no consumer of the configuration."};
  EndReason jwt_requirement{"jwt_requirement", 403, "The token's claims do not satisfy `require`."};
  EndReason jwt_no_keys{"jwt_no_keys", 503, "The issuer's keys could not be fetched yet."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::jwt
