#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config_service.h"

namespace portcullis::control {

class Deployment;
class Fleet;
class Logs;
class ServiceManager;

// "serving configuration 3", for messages.
std::string serving_line(uint64_t version);

// Reports reloads to the service manager, the process log, the audit log and the metrics. Reopens the files
// of the logs after each reload that succeeds. Control thread.
class ReloadReport final : public ReloadObserver {
 public:
  // All references must be valid until the last call.
  ReloadReport(Deployment& deployment, const Fleet& fleet, ServiceManager& manager, Logs& logs)
      : deployment_(deployment), fleet_(fleet), manager_(manager), logs_(logs) {}

  void reload_began() override;
  void reload_ended(const std::vector<std::string>& by, const ReloadOutcome& outcome) override;
  void certificates_ended(const Status& outcome) override;

 private:
  Deployment& deployment_;
  const Fleet& fleet_;
  ServiceManager& manager_;
  Logs& logs_;
};

}  // namespace portcullis::control
