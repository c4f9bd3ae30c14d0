#pragma once

#include "policy/policy.h"

namespace portcullis::policy::fault {

// `fault`: delays or refuses a share of the requests, on purpose, to see what depends on them.
Kind kind();

}  // namespace portcullis::policy::fault
