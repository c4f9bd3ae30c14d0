#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `basic_auth`: Tells the consumer by user name and password (RFC 7617).
Kind basic_auth_kind();

}  // namespace portcullis::policy
