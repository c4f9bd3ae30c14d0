#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `key_auth`: Tells the consumer by a key that the request carries.
Kind key_auth_kind();

}  // namespace portcullis::policy
