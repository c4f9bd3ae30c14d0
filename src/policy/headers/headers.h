#pragma once

#include "policy/policy.h"

namespace portcullis::policy::headers {

// `headers`: Sets, adds and removes header fields on the request and on the response.
Kind kind();

}  // namespace portcullis::policy::headers
