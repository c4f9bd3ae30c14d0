#pragma once

#include "policy/policy.h"

namespace portcullis::policy::key_auth {

// `key_auth`: Identifies the consumer by an API key in the request.
Kind kind();

}  // namespace portcullis::policy::key_auth
