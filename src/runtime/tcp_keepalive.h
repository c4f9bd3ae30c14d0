#pragma once

#include <chrono>

namespace portcullis {

// TCP keep-alive settings: how a silent connection is probed (RFC 9293 section 3.8.4).
struct TcpKeepalive {
  std::chrono::seconds idle{60};      // silence before the first probe; 0 disables keep-alive
  std::chrono::seconds interval{15};  // between two probes
  int probes = 4;                     // unanswered probes before the connection ends

  bool operator==(const TcpKeepalive&) const = default;
};

// Sets the options on `fd`, if it is a TCP socket; other sockets are unchanged. Connections accepted from a
// listening socket inherit them.
void set_keepalive(int fd, const TcpKeepalive& keepalive);

}  // namespace portcullis
