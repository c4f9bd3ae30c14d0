#pragma once

#include "policy/policy.h"

namespace portcullis::policy::rate_limit {

// `rate_limit`: Refuses requests that come faster than the limits allow.
Kind kind();

}  // namespace portcullis::policy::rate_limit
