#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::forward_auth {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason auth_refused{
      "auth_refused", 0,
      "The authorization service refused the request; the client got the service's own answer."};
  EndReason auth_missing{"auth_missing", 401, "The request has no credential for the authorization service."};
  EndReason auth_unavailable{"auth_unavailable", 503, "The authorization service gave no answer."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::forward_auth
