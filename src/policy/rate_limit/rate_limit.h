#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `rate_limit`: Refuses what comes faster than its limits allow.
Kind rate_limit_kind();

}  // namespace portcullis::policy
