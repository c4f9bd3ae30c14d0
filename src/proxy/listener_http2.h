#pragma once

#include <cstdint>

namespace portcullis::proxy {

// HTTP/2 towards the clients of a listener. The members have the names of the configuration's keys.
struct ListenerHttp2 {
  bool enabled = true;
  uint32_t streams = 100;              // max concurrent requests on a connection
  uint32_t stream_window = 256 << 10;  // bytes of a body that the client may send before they are read
  uint32_t connection_window = 1 << 20;
};

}  // namespace portcullis::proxy
