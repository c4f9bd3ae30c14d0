#pragma once

#include "policy/policy.h"

namespace portcullis::policy::rate_limit {

// `rate_limit`: Refuses what comes faster than its limits allow.
Kind kind();

}  // namespace portcullis::policy::rate_limit
