#pragma once

#include <string>

// Which header fields a policy, or another part of the configuration, may be told to write. Each function
// returns what is wrong with a name, or "".
namespace portcullis::config {

// On a request, for the upstream.
std::string check_request_field(const std::string& name);
// On a response, for the client.
std::string check_response_field(const std::string& name);
// On a request of the gateway's own, to a service that it asks.
std::string check_question_field(const std::string& name);

}  // namespace portcullis::config
