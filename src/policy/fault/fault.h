#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `fault`: delays or refuses a share of the requests, on purpose, to see what depends on them.
Kind fault_kind();

}  // namespace portcullis::policy
