#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::key_auth {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason key_missing{"key_missing", 401, "The request has no key."};
  EndReason key_unknown{"key_unknown", 401, "No consumer has the request's key."};
  EndReason key_expired{"key_expired", 401, "The request's key has expired."};
  EndReason key_too_long{"key_too_long", 401, "The request's key is longer than any key can be."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::key_auth
