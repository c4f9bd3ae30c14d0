#pragma once

#include "policy/policy.h"

namespace portcullis::policy::redirect {

// `redirect`: Answers with a redirection.
Kind kind();

}  // namespace portcullis::policy::redirect
