#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `hmac_auth`: Tells the consumer by an HTTP message signature (RFC 9421).
Kind hmac_auth_kind();

}  // namespace portcullis::policy
