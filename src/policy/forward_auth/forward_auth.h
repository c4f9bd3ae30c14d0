#pragma once

#include "policy/policy.h"

namespace portcullis::policy::forward_auth {

// `forward_auth`: Asks another service whether each request is accepted.
Kind kind();

}  // namespace portcullis::policy::forward_auth
