#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::usage_plan {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason no_usage_plan{"no_usage_plan", 403, "The consumer has no usage plan."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::usage_plan
