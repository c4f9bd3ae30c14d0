#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

#include "control/admin/call_table.h"

namespace portcullis::control {

// The description of the calls as an OpenAPI 3.1 document.
nlohmann::json openapi_document(const CallTable& calls);

// The description of the calls as a page in Markdown, for docs/admin-api.md.
std::string api_page(const CallTable& calls);

// All answers of a call: its own, and the errors that all calls of its form have. The answers with the status
// of a problem have the media type "problem".
std::vector<Call::Answer> answers_of(const Call& call);

}  // namespace portcullis::control
