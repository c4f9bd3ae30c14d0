#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::oauth2_introspection {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason token_missing{"token_missing", 401, "The request has no token."};
  EndReason token_malformed{"token_malformed", 401, "The request's token is empty, or too long to be one."};
  EndReason token_inactive{"token_inactive", 401,
                           "The authorization server says that the token is not active."};
  EndReason token_unknown_consumer{"token_unknown_consumer", 401,
                                   "The token names no consumer of the configuration."};
  EndReason token_requirement{
      "token_requirement", 403,
      "The token, as the authorization server describes it, does not satisfy `require`."};
  EndReason token_unavailable{"token_unavailable", 503, "The authorization server did not answer."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::oauth2_introspection
