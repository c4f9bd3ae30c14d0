#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::fault {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason fault_abort{
      "fault_abort", 0,
      "The policy `fault` refused the request on purpose, with the status of its settings."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::fault
