#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `acl`: Decides by rules who may do what.
Kind acl_kind();

}  // namespace portcullis::policy
