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

// Keeps the addresses of host names and the discovered targets of upstreams current. Passes each change on to
// the workers and the health checks. Control thread.
class NameService {
 public:
  // `fleet` outlives this object; it may have no workers yet. `patience` is the max time of each wait for
  // first answers. Until a name has an address, requests to it fail.
  NameService(EventLoop& loop, Fleet& fleet, Milliseconds patience = kPatience);

  // Follows the names and upstreams of `snapshot`, which was compiled from `config`, and no others. Lookups
  // and sources that stay the same go on. Returns an error when names cannot be looked up; follow() must then
  // be called again with the previous configuration.
  Status follow(const config::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot,
                telemetry::Registry& metrics);
  // Waits until each new name and each new source has been answered once, successfully or not, but at most
  // for the patience.
  Task<void> settle();

  // The known addresses and targets, for new workers.
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
  size_t giving_ = 0;                                // number of lists whose names are being looked up
  WaitList answers_;                                 // tasks that wait for first answers
  upstream::HealthChecks health_checks_;
  upstream::Discovery discovery_;
  client::HttpClient http_;
  TargetDiscovery target_discovery_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control
