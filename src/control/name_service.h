#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/http_client.h"
#include "config/model.h"
#include "control/target_discovery.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "runtime/task.h"
#include "runtime/wait_list.h"
#include "telemetry/metrics.h"
#include "upstream/discovery.h"
#include "upstream/health_checks.h"

namespace portcullis::control {

class Fleet;

// Keeps current what a configuration leaves open: the addresses of host names, and the targets that upstreams
// discover. Workers and health checks are told of each change. Control thread.
class NameService {
 public:
  // `fleet` outlives this object; it may have no workers yet. `patience` limits each wait for first answers:
  // without an address, requests for a name fail.
  NameService(EventLoop& loop, Fleet& fleet, Milliseconds patience = kPatience);

  // From now on the names and upstreams of `snapshot`, which was compiled from `config`, and no others. What
  // stays the same goes on. An error: names cannot be looked up; call it again with what was followed before.
  Status follow(const config::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot,
                telemetry::Registry& metrics);
  // Waits until each new name and each new source has been answered once, well or not, for the patience at
  // most.
  Task<void> settle();

  // What new workers have to know.
  proxy::KnownTargets known() const;
  // The health of all targets.
  std::vector<telemetry::TargetState> states() const { return health_checks_.states(); }

 private:
  Status follow_hosts();
  bool settled() const;
  Task<void> give_discovered(std::string upstream, std::shared_ptr<const upstream::TargetList> targets);

  static constexpr Milliseconds kPatience{1'800};

  EventLoop& loop_;
  Fleet& fleet_;
  const Milliseconds patience_;
  std::shared_ptr<const proxy::Snapshot> followed_;  // null before the first follow()
  size_t giving_ = 0;                                // lists whose names are being looked up
  WaitList answers_;                                 // tasks that wait for first answers
  upstream::HealthChecks health_checks_;
  upstream::Discovery discovery_;
  client::HttpClient http_;
  TargetDiscovery target_discovery_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control
