#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::fault {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason fault_abort{
      "fault_abort", 0,
      "The policy `fault` was configured to fail the request, with the status that it has configured."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::fault
