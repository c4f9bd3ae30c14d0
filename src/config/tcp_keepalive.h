#pragma once

#include <chrono>
#include <cstdint>

#include "config/schema.h"

namespace portcullis::config {

// How silent TCP connections are asked whether their other end is still there, as the configuration tells it.
struct TcpKeepalive {
  std::chrono::milliseconds idle{60'000};  // 0: they are not asked
  std::chrono::milliseconds interval{15'000};
  uint64_t probes = 4;
};

Type<TcpKeepalive> tcp_keepalive_type();

}  // namespace portcullis::config
