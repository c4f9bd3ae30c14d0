#include "config/tcp_keepalive.h"

namespace portcullis::config {

Type<TcpKeepalive> tcp_keepalive_type() {
  auto type = std::make_shared<ObjectType<TcpKeepalive>>(
      "tcp_keepalive",
      "TCP keepalive: the system finds connections whose other end has disappeared without closing them. "
      "Times are rounded up to seconds.");
  type->optional("idle", &TcpKeepalive::idle, duration(),
                 "After this time without data, the system sends a probe. 0s: it sends none.")
      .optional("interval", &TcpKeepalive::interval, duration(), "Time between two probes.")
      .optional("probes", &TcpKeepalive::probes, integer(1, 127),
                "After this number of probes without an answer the connection is closed.");
  return type;
}

}  // namespace portcullis::config
