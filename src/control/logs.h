#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

#include "base/result.h"
#include "telemetry/access_log.h"
#include "telemetry/audit_log.h"
#include "telemetry/trace_exporter.h"

namespace portcullis::control {

// What the gateway writes and sends about its work: access log, audit log and traces, each where it is
// configured. Outlives the workers, which write to it. Control thread.
class Logs {
 public:
  // `place`: as LogSink's; empty: no audit log.
  Status open_audit(const std::string& place);
  // `place`: as LogSink's; empty: no access log.
  Status open_access(const std::string& place, size_t workers);
  // Without an endpoint nothing is traced. Throws std::system_error when the system allows no further thread.
  void start_traces(const telemetry::TraceExporter::Settings& settings, size_t workers);

  // Null when there is none.
  telemetry::AccessLog* access() const { return access_.get(); }
  telemetry::TraceExporter* traces() const { return traces_.get(); }

  // Opens the files anew, for log rotation.
  void reopen();
  // Notes in the audit log what was done, and by whom.
  void audit(const std::string& action, const std::string& by, const nlohmann::json& details);

 private:
  std::unique_ptr<telemetry::AuditLog> audit_;
  std::unique_ptr<telemetry::AccessLog> access_;
  std::unique_ptr<telemetry::TraceExporter> traces_;
};

}  // namespace portcullis::control
