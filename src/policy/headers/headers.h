#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `headers`: Sets, adds and removes header fields on the request and on the response.
Kind headers_kind();

}  // namespace portcullis::policy
