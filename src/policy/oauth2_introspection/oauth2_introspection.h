#pragma once

#include "policy/policy.h"

namespace portcullis::policy::oauth2_introspection {

// `oauth2_introspection`: Identifies the caller by a token that the authorization server is asked about (RFC
// 7662).
Kind kind();

}  // namespace portcullis::policy::oauth2_introspection
