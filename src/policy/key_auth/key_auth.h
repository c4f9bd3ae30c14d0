#pragma once

#include "policy/policy.h"

namespace portcullis::policy::key_auth {

// `key_auth`: Tells the consumer by a key that the request carries.
Kind kind();

}  // namespace portcullis::policy::key_auth
