#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `cors`: Cross-origin resource sharing (the Fetch standard's CORS protocol): answers preflights and marks
// responses.
Kind cors_kind();

}  // namespace portcullis::policy
