#include "control/logs.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/faults.h"

namespace portcullis::control {

Status Logs::open_audit(const std::string& place) {
  if (place.empty()) return {};
  auto opened = telemetry::LogSink::open(place, "portcullis-audit", Fault::kAuditLog);
  if (!opened) return Error{"cannot open the audit log: " + opened.error().message};
  audit_ = std::make_unique<telemetry::AuditLog>(std::move(*opened));
  return {};
}

Status Logs::open_access(const std::string& place, size_t workers) {
  if (place.empty()) return {};
  auto opened = telemetry::AccessLog::open(place, workers);
  if (!opened) return opened.error();
  access_ = std::move(*opened);
  return {};
}

void Logs::start_traces(const telemetry::TraceExporter::Settings& settings, size_t workers) {
  if (!settings.endpoint.empty()) traces_ = std::make_unique<telemetry::TraceExporter>(settings, workers);
}

void Logs::reopen() {
  if (access_) access_->reopen();
  if (audit_) audit_->reopen();
}

void Logs::audit(const std::string& action, const Author& by, const nlohmann::json& details) {
  if (!audit_) return;
  nlohmann::json told = details;
  if (!by.role.empty()) told["role"] = by.role;
  if (!by.address.empty()) told["address"] = by.address;
  if (!by.message.empty()) told["message"] = by.message;
  audit_->note(action, by.name, told);
}

}  // namespace portcullis::control
