#pragma once

#include <string>

// Decides which header fields the configuration may set. Each function returns what is wrong with a field's
// name, or "".
namespace portcullis::config {

// For a field of a request to the upstream.
std::string check_request_field(const std::string& name);
// For a field of a response to the client.
std::string check_response_field(const std::string& name);
// For a field of the gateway's own requests to services.
std::string check_question_field(const std::string& name);

}  // namespace portcullis::config
