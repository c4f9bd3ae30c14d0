#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `quota`: So much for each consumer in each hour, day, week or month.
Kind quota_kind();

}  // namespace portcullis::policy
