#pragma once

#include "policy/policy.h"

namespace portcullis::policy::example {

// A policy that is not in the gateway: it answers every request with the number of requests that it has
// answered, or counts the bytes of the bodies that pass. Its folder and one line (example_policy_test.cpp)
// are all there is of it.
Kind kind();

}  // namespace portcullis::policy::example
