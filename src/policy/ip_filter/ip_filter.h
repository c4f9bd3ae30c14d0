#pragma once

#include "policy/policy.h"

namespace portcullis::policy::ip_filter {

// `ip_filter`: Admits or refuses clients by address.
Kind kind();

}  // namespace portcullis::policy::ip_filter
