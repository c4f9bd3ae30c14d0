#pragma once

#include "control/author.h"
#include "control/canary.h"
#include "control/events.h"
#include "control/node.h"

namespace portcullis::control {

class Logs;

// Reports canaries to the audit log, the events and the state of the node. Control thread.
class CanaryReport {
 public:
  // All references must be valid until the last call.
  CanaryReport(Logs& logs, EventHub& events, NodeState& node) : logs_(logs), events_(events), node_(node) {}

  void tell(const CanaryNews& news, const Author& by) const;

 private:
  Logs& logs_;
  EventHub& events_;
  NodeState& node_;
};

}  // namespace portcullis::control
