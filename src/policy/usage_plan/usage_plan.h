#pragma once

#include "policy/policy.h"

namespace portcullis::policy::usage_plan {

// `usage_plan`: Applies the limits of the consumer's plan. `limiting` are the kinds of policies that plans
// may contain.
Kind kind(const std::vector<Kind>& limiting);

}  // namespace portcullis::policy::usage_plan
