#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

#include "base/result.h"
#include "control/author.h"
#include "telemetry/access_log.h"
#include "telemetry/audit_log.h"
#include "telemetry/trace_exporter.h"

namespace portcullis::control {

// The access log, the audit log and the traces, as far as they are configured. Outlives the workers, which
// write to them. Control thread.
class Logs {
 public:
  // Opens the audit log at `place`, as LogSink defines it; there is no audit log when `place` is empty.
  Status open_audit(const std::string& place);
  // Opens the access log at `place`, as LogSink defines it; there is no access log when `place` is empty.
  Status open_access(const std::string& place, size_t workers);
  // Starts to export traces; does nothing without an endpoint. Throws std::system_error when the system
  // allows no further thread.
  void start_traces(const telemetry::TraceExporter::Settings& settings, size_t workers);

  // The access log; null when there is none.
  telemetry::AccessLog* access() const { return access_.get(); }
  telemetry::TraceExporter* traces() const { return traces_.get(); }

  // Reopens the files, for log rotation.
  void reopen();
  // Writes an action and its author to the audit log.
  void audit(const std::string& action, const Author& by, const nlohmann::json& details);

 private:
  std::unique_ptr<telemetry::AuditLog> audit_;
  std::unique_ptr<telemetry::AccessLog> access_;
  std::unique_ptr<telemetry::TraceExporter> traces_;
};

}  // namespace portcullis::control
