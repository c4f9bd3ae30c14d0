#pragma once

#include "policy/policy.h"

namespace portcullis::policy::basic_auth {

// `basic_auth`: Identifies the consumer by user name and password (RFC 7617).
Kind kind();

}  // namespace portcullis::policy::basic_auth
