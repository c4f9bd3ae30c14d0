#include "redis/server_report.h"

#include "redis/refusal.h"

namespace portcullis::redis {

// Removes a script's name and line, which the error may contain: they do not help an operator, and equal
// refusals must have equal messages.
void ServerReport::refused(std::string_view error) {
  accepts_.failed(describe_refusal(error.substr(0, error.find(" script: "))));
}

ServerReport& ServerReports::of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (const auto known = reports_.find(name); known != reports_.end()) return *known->second;
  if (reports_.size() >= kMaxServers) return *reports_.rbegin()->second;
  return *(reports_[name] = std::make_unique<ServerReport>("Redis " + name));
}

}  // namespace portcullis::redis
