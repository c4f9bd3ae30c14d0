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

// Opens a new connection, and its TLS. On false the failure is noted.
Task<bool> Exchange::connect(upstream::Upstream& upstream, upstream::Target& target,
                             upstream::Connection& connection) {
  const Milliseconds patience = std::min(upstream.definition().connect_timeout, time_left());
  const IoResult connected = co_await connection.stream.connect(target.address(), patience);
  if (!connected.ok()) {
    failure_ = name_of_connect_failure(connected.error);
    co_return false;
  }
  target.definition().metrics[worker_.index()]->connections.add();
  if (upstream.definition().proxy_protocol != upstream::ProxyProtocol::kNone) {
    if (!co_await tell_of_client(upstream.definition(), connection.stream)) co_return false;
  }
  if (!upstream.definition().tls) co_return true;
  std::unique_ptr<tls::Session> made = target.make_session();
  failure_ = "connect_tls_failed";
  if (!made) co_return false;
  tls::Session& session = *made;
  connection.stream.set_codec(std::move(made));
  const tls::HandshakeResult shaken = co_await session.handshake(connection.stream, nullptr, patience);
  if (shaken.ok) co_return true;
  if (shaken.timed_out) failure_ = "connect_tls_timeout";
  if (SSL_get_verify_result(session.ssl()) != X509_V_OK) {
    failure_ = "connect_tls_unverified";
    context_.note = X509_verify_cert_error_string(SSL_get_verify_result(session.ssl()));
  }
  co_return false;
}

}  // namespace portcullis::proxy
