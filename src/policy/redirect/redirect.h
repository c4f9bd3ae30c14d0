#pragma once

#include "policy/policy.h"

namespace portcullis::policy::redirect {

// `redirect`: Answers requests with a redirect.
Kind kind();

}  // namespace portcullis::policy::redirect
