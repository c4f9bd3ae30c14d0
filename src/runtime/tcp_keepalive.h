#pragma once

#include <chrono>
#include <cstdint>

namespace portcullis {

// When the system probes a silent TCP connection, to find out whether its other end is still there (RFC 9293
// section 3.8.4). The system counts in seconds: times are rounded up.
struct TcpKeepalive {
  std::chrono::milliseconds idle{60'000};      // without data before the first probe; 0: no probes
  std::chrono::milliseconds interval{15'000};  // between two probes; at least 1 s
  uint64_t probes = 4;                         // without an answer to so many, the connection is closed

  bool operator==(const TcpKeepalive&) const = default;
};

// Sets this for `fd`, a TCP socket; other sockets stay as they are. The connections that a listening socket
// accepts inherit the setting.
void set_keepalive(int fd, const TcpKeepalive& keepalive);

}  // namespace portcullis
