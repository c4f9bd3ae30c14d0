#pragma once

#include "policy/policy.h"

namespace portcullis::policy::concurrency_limit {

// `concurrency_limit`: Limits the number of requests at once. Requests beyond the limit wait for a while, or
// are refused.
Kind kind();

}  // namespace portcullis::policy::concurrency_limit
