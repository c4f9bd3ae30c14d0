#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/snapshot.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

// One worker's view of a snapshot, with the worker's connection pools and balancer states. Shared by the
// exchanges that began with it. On the worker's thread.
struct WorkerSnapshot {
  // Upstreams whose definition has not changed are shared with `before`, which may be null.

  WorkerSnapshot(EventLoop& loop, std::shared_ptr<const Snapshot> compiled, const WorkerSnapshot* before,
                 uint64_t seed);

  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::shared_ptr<upstream::Upstream>> upstreams;
};

}  // namespace portcullis::proxy
