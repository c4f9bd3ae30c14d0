#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::example {

// How this policy ends requests.
struct Reasons {
  EndReason example_over{"example_over", 429, "The example has answered as many requests as it may."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::example
