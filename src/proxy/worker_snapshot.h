#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "proxy/snapshot.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

// One worker's view of a snapshot, with the worker's connection pools and balancer states. Shared by the
// exchanges that began with it. On the worker's thread.
struct WorkerSnapshot {
  // Upstreams whose definition is the same are shared with `others`, of which some may be null.
  WorkerSnapshot(EventLoop& loop, std::shared_ptr<const Snapshot> compiled,
                 std::initializer_list<const WorkerSnapshot*> others, uint64_t seed);

  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::shared_ptr<upstream::Upstream>> upstreams;
};

}  // namespace portcullis::proxy
