#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `mirror`: sends a copy of a share of the requests to another upstream, and drops its answers.
Kind mirror_kind();

}  // namespace portcullis::policy
