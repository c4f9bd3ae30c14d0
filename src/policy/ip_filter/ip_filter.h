#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `ip_filter`: Admits or refuses clients by address.
Kind ip_filter_kind();

}  // namespace portcullis::policy
