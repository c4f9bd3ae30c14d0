#pragma once

#include <chrono>
#include <cstdint>

#include "config/schema.h"

namespace portcullis::config {

// TCP keepalive settings, as configured.
struct TcpKeepalive {
  std::chrono::milliseconds idle{60'000};  // 0: no keepalive
  std::chrono::milliseconds interval{15'000};
  uint64_t probes = 4;
};

Type<TcpKeepalive> tcp_keepalive_type();

}  // namespace portcullis::config
