#include "config/tcp_keepalive.h"

namespace portcullis::config {

Type<TcpKeepalive> tcp_keepalive_type() {
  auto type = std::make_shared<ObjectType<TcpKeepalive>>(
      "tcp_keepalive",
      "TCP keepalive: how the system finds out that the other end of a "
      "silent connection is gone without a word. Times "
      "are rounded up to seconds.");
  type->optional("idle", &TcpKeepalive::idle, duration(),
                 "A connection that has been silent for so long is asked. 0s: none is.")
      .optional("interval", &TcpKeepalive::interval, duration(), "Between two questions.")
      .optional("probes", &TcpKeepalive::probes, integer(1, 127),
                "So many questions without an answer end the connection.");
  return type;
}

}  // namespace portcullis::config
