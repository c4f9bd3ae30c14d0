#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/snapshot.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

// A snapshot as one worker sees it, with that worker's connection pools and balancer states. Shared, on the
// worker's thread only, by the exchanges that began with it.
struct WorkerSnapshot {
  // Upstreams that `before` (may be null) has with the same definition are shared with it.
  WorkerSnapshot(EventLoop& loop, std::shared_ptr<const Snapshot> compiled, const WorkerSnapshot* before,
                 uint64_t seed);

  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::shared_ptr<upstream::Upstream>> upstreams;
};

}  // namespace portcullis::proxy
