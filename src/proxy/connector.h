#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "proxy/proxy_protocol.h"
#include "telemetry/ends.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

class ClientConnection;

// The addresses that a PROXY header passes on to a target. Empty for targets that take no PROXY header.
struct Introduction {
  std::optional<Endpoint> client{};
  std::optional<Endpoint> reached{};

  // `address`: the client's, as trusted proxies tell it.
  static Introduction of(const ClientConnection& connection, std::string_view address);
};

enum class ConnectOutcome : uint8_t {
  kConnected,
  kFailed,
  kOverloaded,  // the upstream's circuit breaker is open
};

// Makes a connection to a target: within the limits of its upstream, with what it is told of the client, and
// TLS. One worker's; what it refers to outlives it.
class Connector {
 public:
  // `deadline`: for all of it; each part has the upstream's own time besides.
  Connector(EventLoop& loop, size_t worker, Clock::time_point deadline, const Introduction& introduction)
      : loop_(loop), worker_(worker), deadline_(deadline), introduction_(introduction) {}

  // Connects `connection`, or puts one in its place that has become free meanwhile; where the target speaks
  // HTTP/2, it becomes a stream of one that others share.
  Task<ConnectOutcome> connect(upstream::Upstream& upstream, upstream::Target& target,
                               std::unique_ptr<upstream::Connection>& connection);

  // Why connect() has failed, and more about it, for the log.
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

// Why a try fails whose connection ended (no error) or broke before the target had answered.
[[gnu::cold]] const telemetry::EndReason& reason_of_broken_stream(int error);

}  // namespace portcullis::proxy
