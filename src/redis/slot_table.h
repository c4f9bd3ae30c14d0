#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "redis/reply.h"

namespace portcullis::redis {

// A range of slots of a Redis Cluster, and the node that is their primary.
struct SlotRange {
  uint16_t first = 0;
  uint16_t last = 0;
  std::string address;  // "host:port"

  bool operator==(const SlotRange&) const = default;
};

// Reads the reply to CLUSTER SLOTS of the node at `address`, whose host is taken for nodes without one.
Result<std::vector<SlotRange>> read_slots(const Reply& reply, const std::string& address);

// `redirected`, with the host of `address` when it has none (":6381").
std::string with_host_of(const std::string& address, std::string redirected);

}  // namespace portcullis::redis
