#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::acl {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason acl_denied{"acl_denied", 403, "The rules of `acl` deny the request."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::acl
