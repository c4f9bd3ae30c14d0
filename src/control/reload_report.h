#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config_service.h"
#include "control/events.h"
#include "control/node.h"

namespace portcullis::control {

class Deployment;
class Fleet;
class Logs;
class ServiceManager;

// "serving revision 3", for messages.
std::string serving_line(uint64_t revision);

// Reports reloads to the service manager, the process log, the audit log, the metrics, the events and the
// state of the node. Reopens the files of the logs after each reload that succeeds. Control thread.
class ReloadReport final : public ReloadObserver {
 public:
  // All references must be valid until the last call.
  ReloadReport(Deployment& deployment, const Fleet& fleet, ServiceManager& manager, Logs& logs,
               EventHub& events, NodeState& node)
      : deployment_(deployment),
        fleet_(fleet),
        manager_(manager),
        logs_(logs),
        events_(events),
        node_(node) {}

  void reload_began() override;
  void reload_ended(const std::vector<Author>& by, const ReloadOutcome& outcome) override;
  void certificates_ended(const Status& outcome) override;

 private:
  void note_in_force(const std::string& author);

  Deployment& deployment_;
  const Fleet& fleet_;
  ServiceManager& manager_;
  Logs& logs_;
  EventHub& events_;
  NodeState& node_;
};

}  // namespace portcullis::control
