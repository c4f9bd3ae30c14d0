#pragma once

#include <chrono>

namespace portcullis {

// How a connection that is silent is asked whether its other end is still there (RFC 9293 section 3.8.4).
struct TcpKeepalive {
  std::chrono::seconds idle{60};      // silent for so long, it is asked; 0: never
  std::chrono::seconds interval{15};  // between two questions
  int probes = 4;                     // questions without an answer end it

  bool operator==(const TcpKeepalive&) const = default;
};

// Has the system do so on `fd`, a TCP socket; on another one nothing happens. A listening socket passes it on
// to those that it accepts.
void set_keepalive(int fd, const TcpKeepalive& keepalive);

}  // namespace portcullis
