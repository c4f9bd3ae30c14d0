#pragma once

#include "policy/policy.h"

namespace portcullis::policy::forward_auth {

// `forward_auth`: Lets another service decide about each request.
Kind kind();

}  // namespace portcullis::policy::forward_auth
