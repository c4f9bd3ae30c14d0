#pragma once

#include <string>
#include <vector>

#include "base/enum_names.h"
#include "base/say.h"
#include "config/diagnostics.h"
#include "config/policy_type.h"
#include "config/value_types.h"
#include "telemetry/access_log_settings.h"
#include "telemetry/trace_collector.h"
#include "telemetry/trace_sampling.h"

namespace portcullis::config {

struct AccessLog : telemetry::AccessLogSettings {
  std::string path;  // empty: no access log
  Location path_location;
  Location format_location;
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
struct Tracing : telemetry::TraceCollector, telemetry::TraceSampling {
  std::vector<TraceForm> propagate{TraceForm::kW3c};
};

Type<Tracing> tracing_type();
Type<AccessLog> access_log_type();
Type<AuditLog> audit_log_type();
Type<ProcessLog> process_log_type();

}  // namespace portcullis::config
