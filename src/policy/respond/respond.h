#pragma once

#include "policy/policy.h"

namespace portcullis::policy::respond {

// `respond`: Answers requests with a fixed response.
Kind kind();

}  // namespace portcullis::policy::respond
