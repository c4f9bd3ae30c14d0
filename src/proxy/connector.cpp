#include "proxy/connector.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>

#include "proxy/client_connection.h"

namespace portcullis::proxy {

using telemetry::EndReason;
using telemetry::kEnds;
using upstream::Breaker;
using upstream::Connection;
using upstream::Load;
using upstream::Target;
using upstream::Upstream;

namespace {

// The reason for a failed connect, from its errno.
const EndReason& reason_of_connect_failure(int error) {
  switch (error) {
    case ECONNREFUSED: return kEnds.connect_refused;
    case ETIMEDOUT: return kEnds.connect_timeout;
    case EHOSTUNREACH:
    case ENETUNREACH: return kEnds.connect_unreachable;
    case ENOENT: return kEnds.connect_no_socket;
    case EMFILE:
    case ENFILE: return kEnds.connect_no_descriptors;
    default: return kEnds.connect_failed;
  }
}

}  // namespace

const EndReason& reason_of_broken_stream(int error) {
  return error == 0           ? kEnds.upstream_closed_early
         : error == ETIMEDOUT ? kEnds.upstream_send_timeout
                              : kEnds.upstream_reset;
}

Introduction Introduction::of(const ClientConnection& connection, std::string_view address) {
  Introduction out;
  if (const auto parsed = IpAddress::parse(address)) {
    // The gateway knows the port of its peer, but not the port of a client behind trusted proxies.
    const bool direct = address == connection.peer_text();
    out.client = Endpoint{*parsed, direct ? connection.peer_port() : uint16_t{0}};
  }
  out.reached = Endpoint::of(SocketAddress::of_socket(connection.stream.fd()));
  return out;
}

Milliseconds Connector::time_left(Milliseconds max) const {
  return deadline_ == Clock::time_point::max() ? max : std::min(max, time_until(deadline_, loop_));
}

// Sends the PROXY header at the beginning of a new connection.
Task<bool> Connector::introduce(const upstream::UpstreamDefinition& upstream, Stream& stream) {
  char header[kMaxWritten];
  iovec piece{header, write_proxy_header(header, upstream.proxy_protocol, introduction_.client,
                                         introduction_.reached)};
  const IoResult sent = co_await stream.write(std::span(&piece, 1), time_left(upstream.timeouts.connect));
  if (!sent.ok()) failure_ = &reason_of_broken_stream(sent.error);
  co_return sent.ok();
}

// Connects the socket, sends the PROXY header, and makes the TLS handshake.
Task<bool> Connector::open_stream(Upstream& upstream, Target& target, Stream& stream) {
  const Milliseconds timeout = upstream.definition().timeouts.connect;
  const IoResult connected = co_await stream.connect(target.address(), time_left(timeout));
  if (!connected.ok()) {
    failure_ = &reason_of_connect_failure(connected.error);
    co_return false;
  }
  if (!target.address().is_unix()) set_keepalive(stream.fd(), upstream.definition().keepalive);
  (*target.definition().metrics)[worker_]->connections.add();
  if (upstream.definition().proxy_protocol != upstream::ProxyProtocol::kNone) {
    if (!co_await introduce(upstream.definition(), stream)) co_return false;
  }
  if (!upstream.definition().tls) co_return true;
  std::unique_ptr<tls::Session> made = target.make_session();
  failure_ = &kEnds.connect_tls_failed;
  if (!made) co_return false;
  tls::Session& session = *made;
  stream.set_codec(std::move(made));
  const tls::HandshakeResult shaken = co_await session.handshake(stream, nullptr, time_left(timeout));
  if (shaken.ok) co_return true;
  if (shaken.timed_out) failure_ = &kEnds.connect_tls_timeout;
  if (SSL_get_verify_result(session.ssl()) != X509_V_OK) {
    failure_ = &kEnds.connect_tls_unverified;
    detail_ = X509_verify_cert_error_string(SSL_get_verify_result(session.ssl()));
  }
  co_return false;
}

// Stores the right to open a connection in `slot`, or sets `connection` to a connection that has become free.
// Exchanges that have waited longer come first.
Task<ConnectOutcome> Connector::take_place(Upstream& upstream, Target& target,
                                           std::unique_ptr<Connection>& connection, Breaker::Slot& slot) {
  upstream::ConnectionQueue* const queue = target.queue();
  if (queue == nullptr) co_return ConnectOutcome::kConnected;
  const auto take = [&] {
    if (auto taken = queue->take()) {
      slot = std::move(*taken);
      return true;
    }
    return false;
  };
  if (queue->waiting() == 0 && take()) co_return ConnectOutcome::kConnected;
  const std::unique_ptr<upstream::ConnectionQueue::Place> place = queue->enter();
  failure_ = &kEnds.breaker_pending;
  if (!place) co_return ConnectOutcome::kOverloaded;
  const Clock::time_point deadline = loop_.now() + time_left(upstream.definition().timeouts.connect);
  // When other exchanges already wait, this exchange waits behind them.
  bool mine = queue->waiting() == 1;
  for (;;) {
    if (mine) {
      if (std::unique_ptr<Connection> ready = target.take_ready()) {
        connection = std::move(ready);
        co_return ConnectOutcome::kConnected;
      }
      if (take()) co_return ConnectOutcome::kConnected;
    }
    mine = co_await place->wait(time_until(deadline, loop_));
    if (mine) continue;
    failure_ = &kEnds.breaker_connections;
    upstream.definition().breaker->note_refused(Load::kConnections);
    co_return ConnectOutcome::kOverloaded;
  }
}

Task<ConnectOutcome> Connector::connect(Upstream& upstream, Target& target,
                                        std::unique_ptr<Connection>& connection) {
  if (target.http2() != nullptr) {
    Task<ConnectOutcome> connecting = connect_http2(upstream, target, connection);
    co_return co_await connecting;
  }
  Task<ConnectOutcome> placing = take_place(upstream, target, connection, connection->slot);
  const ConnectOutcome placed = co_await placing;
  if (placed != ConnectOutcome::kConnected || connection->stream.is_open()) co_return placed;
  const bool opened = co_await open_stream(upstream, target, connection->stream);
  co_return opened ? ConnectOutcome::kConnected : ConnectOutcome::kFailed;
}

Task<ConnectOutcome> Connector::connect_http2(Upstream& upstream, Target& target,
                                              std::unique_ptr<Connection>& connection) {
  upstream::Http2Pool& pool = *target.http2();
  const Clock::time_point deadline = loop_.now() + upstream.definition().timeouts.connect;
  bool reused = false;
  while (pool.connecting() && !target.chose_http1) {
    const size_t failures = pool.failures();
    const bool released = co_await pool.wait(time_left(time_until(deadline, loop_)));
    if (std::unique_ptr<http::h2::Channel> channel = pool.open(reused)) {
      connection->use(std::move(channel), reused);
      co_return ConnectOutcome::kConnected;
    }
    failure_ = released ? &kEnds.connect_failed : &kEnds.connect_timeout;
    if (!released || pool.failures() != failures) co_return ConnectOutcome::kFailed;
  }
  auto made = std::make_unique<upstream::Http2Connection>(loop_);
  Task<ConnectOutcome> placing = take_place(upstream, target, connection, made->slot);
  const ConnectOutcome placed = co_await placing;
  if (placed != ConnectOutcome::kConnected || connection->stream.is_open()) co_return placed;
  upstream::Http2Pool::Connecting connecting(pool);
  if (!co_await open_stream(upstream, target, made->socket)) {
    connecting.fail();
    co_return ConnectOutcome::kFailed;
  }
  if (!upstream::speaks_http2(upstream.definition(), made->socket)) {
    failure_ = &kEnds.connect_no_http2;
    if (upstream.definition().protocol == upstream::Protocol::kHttp2) {
      connecting.fail();
      co_return ConnectOutcome::kFailed;
    }
    target.chose_http1 = true;
    connection->slot = std::move(made->slot);
    connection->stream.take_over(made->socket);
    co_return ConnectOutcome::kConnected;
  }
  target.chose_http1 = false;
  pool.add(std::move(made));
  std::unique_ptr<http::h2::Channel> channel = pool.open(reused);
  failure_ = &kEnds.connect_failed;
  if (!channel) co_return ConnectOutcome::kFailed;
  connection->use(std::move(channel), false);
  co_return ConnectOutcome::kConnected;
}

}  // namespace portcullis::proxy
