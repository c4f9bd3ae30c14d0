#pragma once

#include "policy/policy.h"

namespace portcullis::policy::acl {

// `acl`: Decides by rules which callers may send which requests.
Kind kind();

}  // namespace portcullis::policy::acl
