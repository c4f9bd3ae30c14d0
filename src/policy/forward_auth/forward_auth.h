#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `forward_auth`: Lets another service decide about each request.
Kind forward_auth_kind();

}  // namespace portcullis::policy
