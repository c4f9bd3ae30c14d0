#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::concurrency_limit {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason concurrency_limit{"concurrency_limit", 503, "Too many requests are in progress.",
                              telemetry::CallerLimit::kReached};
  EndReason concurrency_queue_timeout{
      "concurrency_queue_timeout", 503,
      "Too many requests are in progress, and the request has waited as long as the queue allows.",
      telemetry::CallerLimit::kReached};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::concurrency_limit
