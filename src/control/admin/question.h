#pragma once

#include "base/result.h"
#include "control/explain.h"
#include "control/http_connection.h"

namespace portcullis::control {

// Reads the question in the body of a request for /api/explain: JSON with the line of a curl command, or with
// a method, a URL, headers and a body. An error names the missing part.
Result<Question> read_question(const ServerRequest& request);

}  // namespace portcullis::control
