#pragma once

#include "policy/policy.h"

namespace portcullis::policy::fault {

// `fault`: Delays or refuses a share of the requests on purpose, to test how clients handle delays and
// failures.
Kind kind();

}  // namespace portcullis::policy::fault
