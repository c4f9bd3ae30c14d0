#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/policy_type.h"
#include "config/value_types.h"

namespace portcullis::config {

struct AccessLog {
  std::string path;  // empty: none
  Location path_location;
  std::string format = "json";
  Location format_location;
  std::vector<std::string> request_headers;
  std::vector<std::string> response_headers;
  bool query = false;
  std::vector<std::string> redact;
  uint64_t sample = 100;  // percent
  std::chrono::milliseconds slower_than{0};
  std::vector<StatusRange> statuses;
  std::vector<std::string> except_routes;
};

// What administrators did.
struct AuditLog {
  std::string path;  // empty: none
  Location path_location;
};

enum class ProcessLogFormat { kText, kJson };
enum class ProcessLogLevel { kError, kWarning, kInfo };  // in the order of portcullis::kLevels

// What the gateway says of itself, on standard error.
struct ProcessLog {
  ProcessLogFormat format = ProcessLogFormat::kText;
  ProcessLogLevel level = ProcessLogLevel::kInfo;
};

enum class TraceForm { kW3c, kB3, kB3Multi };

// Where the spans of requests go.
struct Tracing {
  std::string endpoint;  // empty: nowhere
  std::string service = "portcullis";
  TextMap headers;
  std::string ca;
  FineShare sample{100};
  bool honour_parent = true;
  bool errors = true;
  std::vector<TraceForm> propagate{TraceForm::kW3c};
};

TypePointer tracing_type();
TypePointer access_log_type();
TypePointer audit_log_type();
TypePointer process_log_type();

}  // namespace portcullis::config
