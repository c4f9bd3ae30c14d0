#pragma once

#include "policy/policy.h"

namespace portcullis::policy::mirror {

// `mirror`: sends a copy of a share of the requests to another upstream, and drops its answers.
Kind kind();

}  // namespace portcullis::policy::mirror
