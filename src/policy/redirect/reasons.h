#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::redirect {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason redirect_without_location{"redirect_without_location", 400,
                                      "The location of the redirection would be empty."};
  EndReason redirect_elsewhere{"redirect_elsewhere", 400,
                               "The request would choose the host of the redirection."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::redirect
