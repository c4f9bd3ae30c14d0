#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status_range.h"
#include "config/policy_type.h"
#include "config/schema.h"

namespace portcullis::config {

// The response for an error of the gateway. What is not given stays as it is without a rule.
struct ErrorAnswer {
  uint64_t status = 0;  // 0: the status of the error
  TextMap fields;
  std::string content_type = "text/plain; charset=utf-8";  // of `body`
  std::string body;                                        // empty: problem details
  Location body_location;
};

// A rule of `errors`: which errors of the gateway it is for, and what the client gets.
struct ErrorRule {
  Location location;
  std::vector<StatusRange> status;  // empty: any
  std::vector<std::string> reason;  // empty: any
  Location reason_location;
  std::string when;  // a condition; empty: none
  Location when_location;
  ErrorAnswer respond;
};

// Reasons, conditions and bodies are checked by control/error_setup.h.
Type<ErrorRule> error_rule_type();

}  // namespace portcullis::config
