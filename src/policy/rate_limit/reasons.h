#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::rate_limit {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason rate_limited{"rate_limited", 429, "A rate limit refused the request.",
                         telemetry::CallerLimit::kReached};
  EndReason rate_limit_unavailable{
      "rate_limit_unavailable", 503,
      "The Redis server of the rate limit cannot be asked, and its `on_error` is `deny`."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::rate_limit
