#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::any_of {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason credential_missing{"credential_missing", 401,
                               "The request has none of the credentials that `any_of` accepts."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::any_of
