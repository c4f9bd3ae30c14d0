#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

Kind cache_kind();

}  // namespace portcullis::policy
