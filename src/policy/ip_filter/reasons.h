#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::ip_filter {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason address_refused{"address_refused", 403, "The client's address is not allowed."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::ip_filter
