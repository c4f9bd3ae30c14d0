#include "telemetry/audit_log.h"

#include <nlohmann/json.hpp>

#include "base/wall_clock.h"
#include "http/date.h"

namespace portcullis::telemetry {

void AuditLog::note(const std::string& action, const std::string& by, const nlohmann::json& details) {
  nlohmann::ordered_json line{
      {"time", http::write_timestamp(current_second())}, {"action", action}, {"by", by}};
  for (const auto& [name, value] : details.items()) line[name] = value;
  sink_->write(line.dump());
  sink_->flush();
}

}  // namespace portcullis::telemetry
