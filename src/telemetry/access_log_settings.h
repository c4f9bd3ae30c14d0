#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status_range.h"

namespace portcullis::telemetry {

// Which requests the access log has, and how a line is written. The members have the names of the
// configuration's keys.
struct AccessLogSettings {
  // "json", "common", "combined", or a template: `{client.address} {request.method}`.
  std::string format = "json";
  std::vector<std::string> request_headers{};   // fields for JSON lines
  std::vector<std::string> response_headers{};  // fields for JSON lines
  bool query = false;                           // whether JSON lines have the query
  // Names of fields and parameters to redact, besides those known to be secret.
  std::vector<std::string> redact{};
  uint64_t sample = 100;                     // percent of the successful requests to log
  std::chrono::milliseconds slower_than{0};  // slower requests are always logged; 0: off
  std::vector<StatusRange> status{};         // empty: all statuses
  std::vector<std::string> except_routes{};
};

}  // namespace portcullis::telemetry
