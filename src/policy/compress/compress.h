#pragma once

#include "policy/policy.h"

namespace portcullis::policy::compress {

Kind kind();

}  // namespace portcullis::policy::compress
