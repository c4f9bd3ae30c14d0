#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `oauth2_introspection`: Tells who calls by a token that the authorization server is asked about (RFC 7662).
Kind oauth2_introspection_kind();

}  // namespace portcullis::policy
