#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>

#include "control/explain.h"
#include "control/http_connection.h"

namespace portcullis::control {

// The JSON Schema of the body of `POST /v1/explain`.
nlohmann::json question_schema();

// Reads the body of a request for `POST /v1/explain` into `out`: JSON with the line of a curl command, or
// with a method, a URL, headers and a body. Returns the answer to a body that is no question.
std::optional<ServerAnswer> read_question(const ServerRequest& request, Question& out);

}  // namespace portcullis::control
