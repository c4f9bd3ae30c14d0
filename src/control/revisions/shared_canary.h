#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cluster/view.h"
#include "control/canary_trial.h"
#include "runtime/task.h"

namespace portcullis::control {

// The canary of a cluster, which its nodes have together: each of them serves it, all count, and one decides.
// Control thread.
class SharedCanary {
 public:
  virtual ~SharedCanary() = default;

  // The latest canary of the cluster, whether it serves or has ended, as far as this node has heard.
  virtual std::optional<cluster::Canary> latest() const = 0;
  // What all nodes have counted for the canary with this number. `own` is what this one has.
  virtual CanaryTally sum(uint64_t revision, const CanaryTally& own) const = 0;

  enum class Ending { kDone, kNoCanary };
  // Ends the canary that serves for all nodes. Of several that do so at the same time, one does; for the
  // others there is no canary any more. The nodes follow when they hear of it. An error when etcd does not
  // answer. `revision` 0: whichever serves.
  virtual Task<Result<Ending>> end(uint64_t revision, cluster::Canary::State state, std::string reason,
                                   std::string by) = 0;
};

}  // namespace portcullis::control
