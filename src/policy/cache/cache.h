#pragma once

#include "policy/policy.h"

namespace portcullis::policy::cache {

Kind kind();

}  // namespace portcullis::policy::cache
