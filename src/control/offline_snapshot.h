#pragma once

#include <memory>

#include "base/result.h"
#include "base/say.h"
#include "config/model.h"
#include "control/snapshot.h"
#include "policy/services.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

// The snapshot of a configuration that no client is served by, with engines and counters of its own: nothing
// is charged or counted where other snapshots would see it, and no other service is asked. It has the state
// of a gateway that has just started. Used by one thread.
class OfflineSnapshot {
 public:
  // `config` must have been checked; it is used only during the call. Faults are reported to `say`, on any
  // thread. Returns an error when a file is not valid any more since the check, or when the system allows no
  // further thread.
  static Result<std::unique_ptr<OfflineSnapshot>> compile(const config::Config& config, const Say& say);
  // Ends the threads of the engines. A worker of the snapshot must have ended.
  ~OfflineSnapshot();

  const std::shared_ptr<const proxy::Snapshot>& snapshot() const { return snapshot_; }
  telemetry::Registry& metrics() { return metrics_; }

 private:
  explicit OfflineSnapshot(const Say& say);

  EventLoop control_;  // this loop never runs, so that no server is asked for keys
  telemetry::Registry metrics_{1};
  policy::Services services_;
  Kept kept_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
};

}  // namespace portcullis::control
