#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/say.h"
#include "config/model.h"

namespace portcullis::control {

// The request asked about.
struct Question {
  std::string method;
  std::string url;                   // with scheme and host, or a path alone
  std::vector<std::string> headers;  // "Name: value"
  std::string client_address = "127.0.0.1";
  std::string listener{};  // name or address of that which it comes by; empty: the first
};

// Which route a request would meet and why the others lost, what each policy would decide, who the consumer
// is and which limits would be charged; nothing is charged, and nobody else is asked. `outcome` is "matched",
// "no_route" or "method_not_allowed". An error: the gateway would not read such a request.
Result<nlohmann::json> explain(const config::Config& config, const Question& question, const Say& say);

// What the words of a curl command ask for, as a shell would split them: so that what was tried can be
// pasted. Options that have nothing to do with the request are passed over; an error names what is not
// understood.
Result<Question> read_curl_line(std::string_view line);

}  // namespace portcullis::control
