#pragma once

#include "config/tcp_keepalive.h"
#include "runtime/tcp_keepalive.h"

namespace portcullis::control {

// What the configuration says, compiled. Any thread.
inline TcpKeepalive compile_keepalive(const config::TcpKeepalive& told) {
  return {std::chrono::ceil<std::chrono::seconds>(told.idle),
          std::chrono::ceil<std::chrono::seconds>(told.interval), static_cast<int>(told.probes)};
}

}  // namespace portcullis::control
