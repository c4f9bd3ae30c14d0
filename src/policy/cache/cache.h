#pragma once

#include "policy/policy.h"

namespace portcullis::policy::cache_policy {

Kind kind();

}  // namespace portcullis::policy::cache_policy
