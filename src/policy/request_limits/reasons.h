#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::request_limits {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason query_too_long{"query_too_long", 414,
                           "The request's query is longer than `request_limits` allows."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::request_limits
