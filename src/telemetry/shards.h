#pragma once

#include <cstdint>

#include "telemetry/counter.h"

namespace portcullis::telemetry {

// The sum of a counter over all workers; `read` selects the counter in one worker's metrics.
template <typename Shards, typename Read>
uint64_t sum(const Shards& shards, Read read) {
  uint64_t total = 0;
  for (const auto& shard : shards) total += read(*shard).get();
  return total;
}

}  // namespace portcullis::telemetry
