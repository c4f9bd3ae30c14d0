#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::quota {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason quota_exceeded{"quota_exceeded", 429, "The quota is used up.", telemetry::CallerLimit::kReached};
  EndReason quota_without_consumer{"quota_without_consumer", 403,
                                   "The quota is counted by consumer, and the request has no consumer."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::quota
