#pragma once

#include "policy/figures.h"

namespace portcullis::policy::cache {

// The use of the store, and the hits of each route; as share, the requests that a cache has answered among
// those that it could have answered.
Figures figures();

}  // namespace portcullis::policy::cache
