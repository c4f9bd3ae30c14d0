#pragma once

#include "policy/policy.h"

namespace portcullis::policy::mirror {

// `mirror`: Sends copies of a share of the requests to another upstream, and drops the responses to the
// copies.
Kind kind();

}  // namespace portcullis::policy::mirror
