#pragma once

#include <chrono>
#include <cstdint>

namespace portcullis {

// TCP keep-alive settings: how a silent connection is probed (RFC 9293 section 3.8.4). The system counts in
// seconds: times are rounded up.
struct TcpKeepalive {
  std::chrono::milliseconds idle{60'000};      // silence before the first probe; 0 disables keep-alive
  std::chrono::milliseconds interval{15'000};  // between two probes; min 1 s
  uint64_t probes = 4;                         // unanswered probes before the connection ends

  bool operator==(const TcpKeepalive&) const = default;
};

// Sets the options on `fd`, if it is a TCP socket; other sockets are unchanged. Connections accepted from a
// listening socket inherit them.
void set_keepalive(int fd, const TcpKeepalive& keepalive);

}  // namespace portcullis
