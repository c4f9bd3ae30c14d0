#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `concurrency_limit`: So many requests at once; the others wait for a while, or are refused.
Kind concurrency_limit_kind();

}  // namespace portcullis::policy
