#pragma once

#include "policy/policy.h"

namespace portcullis::policy::cors {

// `cors`: Cross-origin resource sharing (the Fetch standard's CORS protocol): answers preflights and marks
// responses.
Kind kind();

}  // namespace portcullis::policy::cors
