#pragma once

#include "policy/policy.h"

namespace portcullis::policy::respond {

// `respond`: Answers with a fixed response.
Kind kind();

}  // namespace portcullis::policy::respond
