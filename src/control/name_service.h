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
  // Called when a target is ejected, and when its ejection has ended.
  using OnEjection = upstream::HealthChecks::OnEjection;

  // `fleet` outlives this object; it may have no workers yet. `on_ejection` may be empty. `patience` is the
  // max time of each wait for first answers. Until a name has an address, requests to it fail.
  NameService(EventLoop& loop, Fleet& fleet, OnEjection on_ejection = {}, Milliseconds patience = kPatience);

  // A snapshot, and the configuration from which it was compiled, which is read during the call only.
  struct Followed {
    const config::Config& config;
    std::shared_ptr<const proxy::Snapshot> snapshot;
  };
  // Follows the names and upstreams of these snapshots, and no others: that of the revision in force, and
  // that of a canary behind it. Lookups and sources that stay the same go on. Returns an error when names
  // cannot be looked up; follow() must then be called again with what was followed before.
  Status follow(const std::vector<Followed>& all, telemetry::Registry& metrics);
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
  std::vector<std::shared_ptr<const proxy::Snapshot>> followed_;  // empty before the first follow()
  size_t giving_ = 0;  // number of lists whose names are being looked up
  WaitList answers_;   // tasks that wait for first answers
  upstream::HealthChecks health_checks_;
  upstream::Discovery discovery_;
  client::HttpClient http_;
  TargetDiscovery target_discovery_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control
