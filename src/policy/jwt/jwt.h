#pragma once

#include "policy/policy.h"

namespace portcullis::policy::jwt {

// `jwt`: Tells who calls by a signed token (RFC 7519), as an OpenID Connect provider issues them.
Kind kind();

}  // namespace portcullis::policy::jwt
