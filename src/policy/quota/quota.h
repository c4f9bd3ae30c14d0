#pragma once

#include "policy/policy.h"

namespace portcullis::policy::quota {

// `quota`: Limits the requests of each consumer in each hour, day, week or month.
Kind kind();

}  // namespace portcullis::policy::quota
