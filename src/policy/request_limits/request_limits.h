#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `request_limits`: Refuses requests that are too large for this route.
Kind request_limits_kind();

}  // namespace portcullis::policy
