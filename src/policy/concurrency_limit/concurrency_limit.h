#pragma once

#include "policy/policy.h"

namespace portcullis::policy::concurrency_limit {

// `concurrency_limit`: So many requests at once; the others wait for a while, or are refused.
Kind kind();

}  // namespace portcullis::policy::concurrency_limit
