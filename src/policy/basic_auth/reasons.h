#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::basic_auth {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason basic_missing{"basic_missing", 401, "The request has no name and password."};
  EndReason basic_malformed{"basic_malformed", 401,
                            "The request's `Authorization` field is not valid for basic authentication."};
  EndReason basic_unknown_user{"basic_unknown_user", 401, "No consumer has the name that the request gives."};
  EndReason basic_wrong_password{"basic_wrong_password", 401, "The request's password is wrong."};
  EndReason basic_too_many_failures{
      "basic_too_many_failures", 429,
      "Too many wrong passwords have come from the client's address, or for the name that the request gives.",
      telemetry::CallerLimit::kReached};
  EndReason basic_overloaded{"basic_overloaded", 503, "Too many passwords are waiting to be verified."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::basic_auth
