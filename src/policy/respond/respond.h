#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `respond`: Answers with a fixed response.
Kind respond_kind();

}  // namespace portcullis::policy
