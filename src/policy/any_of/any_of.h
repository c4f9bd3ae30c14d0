#pragma once

#include "policy/policy.h"

namespace portcullis::policy::any_of {

// `any_of`: Offers several authentication policies, of which one must accept.
Kind kind(const std::vector<Kind>& methods);

}  // namespace portcullis::policy::any_of
