// How an exchange opens a connection to a target: TCP, what it says of the client, TLS.

#include <algorithm>
#include <cerrno>

#include "proxy/exchange.h"
#include "proxy/proxy_protocol.h"

namespace portcullis::proxy {
namespace {

// A failed connect by its errno.
std::string_view name_of_connect_failure(int error) {
  switch (error) {
    case ECONNREFUSED: return "connect_refused";
    case ETIMEDOUT: return "connect_timeout";
    case EHOSTUNREACH:
    case ENETUNREACH: return "connect_unreachable";
    case ENOENT: return "connect_no_socket";
    case EMFILE:
    case ENFILE: return "connect_no_descriptors";
    default: return "connect_failed";
  }
}

}  // namespace

// A connection to a target that ended (no error) or broke before it had answered.
std::string_view Exchange::name_of_broken_stream(int error) {
  return error == 0           ? "upstream_closed_early"
         : error == ETIMEDOUT ? "upstream_send_timeout"
                              : "upstream_reset";
}

// The PROXY header at the beginning of a new connection. On false the failure is noted.
Task<bool> Exchange::tell_of_client(const upstream::UpstreamDefinition& upstream, Stream& stream) {
  std::optional<Endpoint> client;
  if (const auto address = IpAddress::parse(origin_.client)) {
    // Whom trusted proxies told of has a port that only they know.
    const bool direct = origin_.client == client_.connection.peer_text();
    client = Endpoint{*address, direct ? client_.connection.peer_port() : uint16_t{0}};
  }
  char header[kLargestWritten];
  const std::optional<Endpoint> reached =
      Endpoint::of(SocketAddress::of_socket(client_.connection.stream.fd()));
  iovec piece{header, write_proxy_header(header, upstream.proxy_protocol, client, reached)};
  const IoResult sent = co_await stream.write(std::span(&piece, 1), upstream.connect_timeout);
  if (!sent.ok()) failure_ = name_of_broken_stream(sent.error);
  co_return sent.ok();
}

// Opens a socket's stream, and its TLS. On false the failure is noted.
Task<bool> Exchange::open_stream(upstream::Upstream& upstream, upstream::Target& target, Stream& stream) {
  const Milliseconds patience = std::min(upstream.definition().connect_timeout, time_left());
  const IoResult connected = co_await stream.connect(target.address(), patience);
  if (!connected.ok()) {
    failure_ = name_of_connect_failure(connected.error);
    co_return false;
  }
  target.definition().metrics[worker_.index()]->connections.add();
  if (upstream.definition().proxy_protocol != upstream::ProxyProtocol::kNone) {
    if (!co_await tell_of_client(upstream.definition(), stream)) co_return false;
  }
  if (!upstream.definition().tls) co_return true;
  std::unique_ptr<tls::Session> made = target.make_session();
  failure_ = "connect_tls_failed";
  if (!made) co_return false;
  tls::Session& session = *made;
  stream.set_codec(std::move(made));
  const tls::HandshakeResult shaken = co_await session.handshake(stream, nullptr, patience);
  if (shaken.ok) co_return true;
  if (shaken.timed_out) failure_ = "connect_tls_timeout";
  if (SSL_get_verify_result(session.ssl()) != X509_V_OK) {
    failure_ = "connect_tls_unverified";
    context_.note = X509_verify_cert_error_string(SSL_get_verify_result(session.ssl()));
  }
  co_return false;
}

// A connection for this exchange; where the target speaks HTTP/2, a stream of one that others share. On false
// the failure is noted.
Task<bool> Exchange::connect(upstream::Upstream& upstream, upstream::Target& target,
                             upstream::Connection& connection) {
  upstream::Http2Pool* const pool = target.http2();
  if (pool == nullptr) co_return co_await open_stream(upstream, target, connection.stream);
  const Clock::time_point deadline = worker_.loop().now() + upstream.definition().connect_timeout;
  bool reused = false;
  while (pool->connecting() && !target.chose_http1) {
    const size_t failures = pool->failures();
    const bool released = co_await pool->wait(std::min(time_until(deadline, worker_.loop()), time_left()));
    if (std::unique_ptr<http::h2::Channel> channel = pool->open(reused)) {
      connection.use(std::move(channel), reused);
      co_return true;
    }
    failure_ = released ? "connect_failed" : "connect_timeout";
    if (!released || pool->failures() != failures) co_return false;
  }
  upstream::Http2Pool::Connecting connecting(*pool);
  auto made = std::make_unique<upstream::Http2Connection>(worker_.loop());
  if (!co_await open_stream(upstream, target, made->socket)) co_return false;
  if (!upstream::speaks_http2(upstream.definition(), made->socket)) {
    failure_ = "connect_no_http2";
    if (upstream.definition().protocol == upstream::Protocol::kHttp2) co_return false;
    connecting.succeed();
    target.chose_http1 = true;
    connection.stream.take_over(made->socket);
    co_return true;
  }
  connecting.succeed();
  target.chose_http1 = false;
  pool->add(std::move(made));
  std::unique_ptr<http::h2::Channel> channel = pool->open(reused);
  failure_ = "connect_failed";
  if (!channel) co_return false;
  connection.use(std::move(channel), false);
  co_return true;
}

}  // namespace portcullis::proxy
