#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "control/http_connection.h"

namespace portcullis::control {

// The answer of the admin API to a request that it refuses: `application/problem+json` (RFC 9457). The title
// is the name of the status.
struct Problem {
  uint16_t status;
  std::string detail;                                    // sentences
  nlohmann::json diagnostics = nlohmann::json::array();  // what is wrong with the documents
  nlohmann::json members = nlohmann::json::object();     // further members of the answer
  std::string fields{};                                  // further header fields, each with its CRLF

  ServerAnswer answer() const;
};

// The answer with a status and a sentence.
ServerAnswer refuse_call(uint16_t status, std::string detail, std::string fields = {});

// A diagnostic about what was sent. `pointer` is the JSON pointer (RFC 6901) of the value at fault.
nlohmann::json diagnostic_at(std::string pointer, const std::string& message);

// The diagnostics of a configuration as a list for `diagnostics` of a problem. `path` is empty, because what
// is at fault was not sent.
nlohmann::json as_json(const std::vector<config::Diagnostic>& diagnostics);

// The JSON Schema of a problem.
nlohmann::json problem_schema();

}  // namespace portcullis::control
