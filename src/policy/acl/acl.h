#pragma once

#include "policy/policy.h"

namespace portcullis::policy::acl {

// `acl`: Decides by rules who may do what.
Kind kind();

}  // namespace portcullis::policy::acl
