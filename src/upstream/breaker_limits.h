#pragma once

#include <cstddef>
#include <cstdint>

#include "base/enum_names.h"

namespace portcullis::upstream {

// The kinds of load that a circuit breaker limits, summed over all workers.
enum class Load : uint8_t { kConnections, kPending, kRequests, kRetries };
constexpr auto names_of(Load) {
  return std::to_array<EnumName<Load>>({{Load::kConnections, "connections"},
                                        {Load::kPending, "pending"},
                                        {Load::kRequests, "requests"},
                                        {Load::kRetries, "retries"}});
}
inline constexpr size_t kLoads = 4;

// The max of each load; 0: no limit. The members have the names of the configuration's keys.
struct BreakerLimits {
  uint32_t connections = 0;
  uint32_t pending = 0;
  uint32_t requests = 0;
  uint32_t retries = 0;

  uint32_t of(Load load) const {
    switch (load) {
      case Load::kConnections: return connections;
      case Load::kPending: return pending;
      case Load::kRequests: return requests;
      case Load::kRetries: return retries;
    }
    return 0;
  }
  bool operator==(const BreakerLimits&) const = default;
};

}  // namespace portcullis::upstream
