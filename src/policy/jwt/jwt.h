#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `jwt`: Tells who calls by a signed token (RFC 7519), as an OpenID Connect provider issues them.
Kind jwt_kind();

}  // namespace portcullis::policy
