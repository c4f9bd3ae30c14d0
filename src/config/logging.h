#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "base/say.h"
#include "config/diagnostics.h"
#include "config/policy_type.h"
#include "config/value_types.h"

namespace portcullis::config {

struct AccessLog {
  std::string path;  // empty: no access log
  Location path_location;
  std::string format = "json";
  Location format_location;
  std::vector<std::string> request_headers;
  std::vector<std::string> response_headers;
  bool query = false;
  std::vector<std::string> redact;
  uint64_t sample = 100;  // percent
  std::chrono::milliseconds slower_than{0};
  std::vector<StatusRange> status;
  std::vector<std::string> except_routes;
};

// The log of changes that operators make.
struct AuditLog {
  std::string path;  // empty: no audit log
  Location path_location;
};

enum class TraceForm { kW3c, kB3, kB3Multi };
constexpr auto names_of(TraceForm) {
  return std::to_array<EnumName<TraceForm>>(
      {{TraceForm::kW3c, "w3c"}, {TraceForm::kB3, "b3"}, {TraceForm::kB3Multi, "b3multi"}});
}

// The export of traces.
struct Tracing {
  std::string endpoint;  // empty: no export
  std::string service = "portcullis";
  TextMap headers;
  std::string ca;
  FineShare sample{100};
  bool honour_parent = true;
  bool errors = true;
  std::vector<TraceForm> propagate{TraceForm::kW3c};
};

Type<Tracing> tracing_type();
Type<AccessLog> access_log_type();
Type<AuditLog> audit_log_type();
Type<ProcessLog> process_log_type();

}  // namespace portcullis::config
