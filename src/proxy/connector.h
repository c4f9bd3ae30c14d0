#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "proxy/proxy_protocol.h"
#include "telemetry/ends.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

class ClientConnection;

// The addresses that a PROXY header tells a target. Empty for targets that do not expect a PROXY header.
struct Introduction {
  std::optional<Endpoint> client{};
  std::optional<Endpoint> reached{};

  // `address` is the client's address, as trusted proxies report it.
  static Introduction of(const ClientConnection& connection, std::string_view address);
};

enum class ConnectOutcome : uint8_t {
  kConnected,
  kFailed,
  kOverloaded,  // the upstream's circuit breaker is open
};

// Opens a connection to a target within the limits of its upstream, sends the PROXY header, and makes the TLS
// handshake. On one worker's thread. All references outlive this object.
class Connector {
 public:
  // `deadline` bounds the whole of connect(); each step also has a timeout of the upstream.
  Connector(EventLoop& loop, size_t worker, Clock::time_point deadline, const Introduction& introduction)
      : loop_(loop), worker_(worker), deadline_(deadline), introduction_(introduction) {}

  // Opens `connection`, or replaces it by a connection that has become free meanwhile. When the target speaks
  // HTTP/2, `connection` becomes a stream of a connection that requests share.
  Task<ConnectOutcome> connect(upstream::Upstream& upstream, upstream::Target& target,
                               std::unique_ptr<upstream::Connection>& connection);

  // Why connect() has failed, and a detail about the failure for the log.
  const telemetry::EndReason& failure() const { return *failure_; }
  std::string_view detail() const { return detail_; }

 private:
  Task<bool> introduce(const upstream::UpstreamDefinition& upstream, Stream& stream);
  Task<bool> open_stream(upstream::Upstream& upstream, upstream::Target& target, Stream& stream);
  Task<ConnectOutcome> connect_http2(upstream::Upstream& upstream, upstream::Target& target,
                                     std::unique_ptr<upstream::Connection>& connection);
  Task<ConnectOutcome> take_place(upstream::Upstream& upstream, upstream::Target& target,
                                  std::unique_ptr<upstream::Connection>& connection,
                                  upstream::Breaker::Slot& slot);
  Milliseconds time_left(Milliseconds max) const;

  EventLoop& loop_;
  size_t worker_;
  Clock::time_point deadline_;
  const Introduction& introduction_;
  const telemetry::EndReason* failure_ = &telemetry::kEnds.connect_failed;
  std::string_view detail_{};
};

// The reason for a failed try whose connection ended before the target had answered. `error` is the errno; 0
// when the target closed the connection in order.
[[gnu::cold]] const telemetry::EndReason& reason_of_broken_stream(int error);

}  // namespace portcullis::proxy
