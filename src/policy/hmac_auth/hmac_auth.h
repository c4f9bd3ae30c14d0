#pragma once

#include "policy/policy.h"

namespace portcullis::policy::hmac_auth {

// `hmac_auth`: Identifies the consumer by an HTTP message signature (RFC 9421).
Kind kind();

}  // namespace portcullis::policy::hmac_auth
