#pragma once

#include "policy/policy.h"

namespace portcullis::policy::request_limits {

// `request_limits`: Refuses requests that are too large for this route.
Kind kind();

}  // namespace portcullis::policy::request_limits
