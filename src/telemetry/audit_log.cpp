#include "telemetry/audit_log.h"

#include <nlohmann/json.hpp>

#include "base/faults.h"
#include "base/json_text.h"
#include "base/wall_clock.h"
#include "http/date.h"

namespace portcullis::telemetry {

void AuditLog::note(const std::string& action, const std::string& by, const nlohmann::json& details) {
  nlohmann::ordered_json line{
      {"time", http::write_timestamp(current_second())}, {"action", action}, {"by", by}};
  for (const auto& [name, value] : details.items()) line[name] = value;
  const uint64_t dropped = sink_->dropped();
  // Once the reader is known to be stuck, the control thread does not wait for the reader again.
  sink_->give_up_after(stuck_ ? std::chrono::milliseconds(0) : kPatience);
  sink_->write(json_text(line));
  sink_->flush();
  const bool taken = sink_->dropped() == dropped;
  // The sink itself reports failed writes; a stuck reader is reported here.
  if (!taken && sink_->error() == 0) {
    count_fault(Fault::kAuditLog);
    if (!stuck_)
      tell_fault(Fault::kAuditLog, Level::kWarning,
                 "the audit log cannot be written, because its reader does not read: lines are dropped");
  }
  if (taken && stuck_)
    tell_fault(Fault::kAuditLog, Level::kInfo,
               "the audit log is written again; " + std::to_string(dropped) + " lines were dropped");
  stuck_ = !taken;
}

}  // namespace portcullis::telemetry
