#pragma once

#include "policy/policy.h"

namespace portcullis::policy::jwt {

// `jwt`: Identifies the caller by a signed token (RFC 7519), such as those of OpenID Connect providers.
Kind kind();

}  // namespace portcullis::policy::jwt
