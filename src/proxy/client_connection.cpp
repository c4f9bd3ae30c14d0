#include "proxy/client_connection.h"

#include <algorithm>
#include <cerrno>

#include "http/date.h"
#include "http/h1/server_stream.h"
#include "http/linger.h"
#include "proxy/exchange.h"
#include "proxy/proxy_protocol.h"
#include "proxy/worker_context.h"

namespace portcullis::proxy {

ClientConnection::ClientConnection(WorkerContext& worker, std::shared_ptr<Listener> listener, UniqueFd fd,
                                   const SocketAddress& peer)
    : stream(worker.loop(), std::move(fd)),
      worker_(worker),
      listener_(std::move(listener)),
      peer_port_(peer.port()),
      peer_text_size_(static_cast<uint8_t>(peer.write_host(peer_text_))) {}

ClientConnection::ClientConnection(WorkerContext& worker, std::shared_ptr<Listener> listener,
                                   std::unique_ptr<Channel> channel, const ClientFacts& facts)
    : stream(worker.loop()),
      worker_(worker),
      listener_(std::move(listener)),
      certificate_(facts.certificate),
      has_socket_(false),
      delays_drain_(facts.delays_drain),
      proxied_tls_(facts.is_secure),
      asked_for_certificate_(facts.asked_for_certificate),
      peer_port_(facts.port),
      peer_text_size_(static_cast<uint8_t>(facts.peer.copy(peer_text_, sizeof peer_text_))) {
  stream.set_channel(std::move(channel));
  if (delays_drain_) worker_.errand_began();
}

ClientFacts ClientConnection::facts() const {
  return {.peer = peer_text(),
          .port = peer_port_,
          .is_secure = is_secure(),
          .asked_for_certificate = asked_for_certificate_,
          .certificate = certificate_};
}

ClientConnection::~ClientConnection() {
  unlink();
  if (counted_) settings().address_counts->remove(*counted_);
  if (has_socket_) {
    worker_.connection_ended(*listener_);
  } else if (delays_drain_) {
    worker_.errand_ended();
  }
}

bool ClientConnection::closing() const {
  return worker_.draining() || listener_->closing || worker_.pressure() >= Pressure::kTight;
}

void ClientConnection::drain() {
  drain_watchers_.for_each([](DrainWatcher& watcher) { watcher.on_drain(); });
  if (http2_ != nullptr) http2_->announce_end();
  if (idle_ || http2_ != nullptr) stream.hurry_reader(kLastCall);
}

void ClientConnection::leave_if_idle() {
  if (hurried_) return;  // to hurry the reader again would give the connection more time
  const bool unused = http2_ != nullptr && http2_->open_channels() == 0;
  if (unused) http2_->announce_end();
  hurried_ = idle_ || unused;
  if (hurried_) stream.hurry_reader(kLastCall);
}

namespace {

bool is_among(const std::vector<IpRange>& ranges, const IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const IpRange& one) { return one.contains(address); });
}

}  // namespace

bool ClientConnection::count_address() {
  const ListenerSettings& rules = settings();
  if (rules.limits.connections_per_address == 0) return true;
  const auto address = IpAddress::parse(peer_text());
  // A client behind a Unix socket, this machine or a proxy is one of many clients that share the address.
  if (!address || address->is_loopback() || is_among(rules.forwarding.trusted_proxies, *address) ||
      is_among(rules.proxy_protocol, *address))
    return true;
  const AddressCounts::Place place = rules.address_counts->place_of(*address);
  if (!rules.address_counts->add(place, rules.limits.connections_per_address)) return false;
  counted_ = place;
  return true;
}

bool ClientConnection::expects_proxy_header() const {
  if (settings().proxy_protocol.empty()) return false;
  const auto address = IpAddress::parse(peer_text());
  return address && is_among(settings().proxy_protocol, *address);
}

// Reads the PROXY header of a load balancer. False when the connection must be closed.
Task<bool> ClientConnection::read_proxy_header() {
  const Clock::time_point deadline = worker_.loop().now() + settings().timeouts.head;
  ProxyHeader header;
  input.block = Block::take(Block::kMedium);
  for (;;) {
    const ProxyHeaderState state = parse_proxy_header(input.content(), header);
    if (state == ProxyHeaderState::kDone) break;
    const std::span<char> room = input.room();
    const Milliseconds left = time_until(deadline, worker_.loop());
    IoResult got;
    if (state == ProxyHeaderState::kIncomplete) got = co_await stream.read(room.data(), room.size(), left);
    if (!got.ok() || got.bytes == 0) {
      settings().metrics->proxy_headers_refused.fetch_add(1, std::memory_order_relaxed);
      co_return false;
    }
    input.end += got.bytes;
  }
  input.begin = header.size;
  if (input.empty()) input.release();
  proxied_tls_ = header.by_tls;
  if (header.source) {
    peer_port_ = header.source->port;
    peer_text_size_ = static_cast<uint8_t>(header.source->address.write(peer_text_));
    if (!count_address()) {
      worker_.note_refused_address();
      co_return false;
    }
  }
  co_return true;
}

// Answers a client that speaks plain HTTP where TLS is spoken, in plain HTTP, because the client can read
// nothing else.
Task<void> ClientConnection::refuse_plain_http() {
  static constexpr std::string_view kText = "this port speaks HTTP over TLS: use https\n";
  stream.set_codec(nullptr);
  http::h1::ServerMessageStream message(stream, input, message_settings());
  http::ResponseHead head;
  head.status = 400;
  head.reason = http::reason_phrase(head.status);
  const auto fields = [](http::HeadWriter& out) {
    out.field("date", http::current_date());
    out.field("content-type", "text/plain");
    out.number_field("content-length", kText.size());
  };
  const http::ResponseToSend response{
      .head = head, .body = http::BodyKind::kLength, .closes = true, .fields = fields};
  Task<IoResult> sending = message.send_whole(response, kText);
  (void)co_await sending;
  co_await linger();
}

// Makes the TLS handshake of a new connection. False when the connection must be closed.
Task<bool> ClientConnection::shake_hands() {
  const std::shared_ptr<const tls::ServerContext> context = settings().tls;
  std::unique_ptr<tls::Session> made = context->make_session();
  if (!made) co_return false;
  tls::Session& session = *made;
  session.begin_with(input.content());
  input.release();
  stream.set_codec(std::move(made));
  const tls::HandshakeResult result =
      co_await session.handshake(stream, worker_.current()->snapshot->side_pool, settings().timeouts.head);
  telemetry::ListenerMetrics& metrics = *settings().metrics;
  if (!result.ok) {
    metrics.handshakes_failed.fetch_add(1, std::memory_order_relaxed);
    if (result.plain_http) {
      Task<void> refusing = refuse_plain_http();
      co_await refusing;
    }
    co_return false;
  }
  (session.resumed() ? metrics.handshakes_resumed : metrics.handshakes_full)
      .fetch_add(1, std::memory_order_relaxed);
  if (session.in_kernel()) metrics.in_kernel.fetch_add(1, std::memory_order_relaxed);
  certificate_ = tls::PeerCertificate::of(*session.ssl());
  asked_for_certificate_ = SSL_get_verify_mode(session.ssl()) != SSL_VERIFY_NONE;
  if (!session.protocol().empty()) agreed_ = session.protocol() == "h2" ? Agreed::kHttp2 : Agreed::kHttp1;
  // The last handshake messages are sent with the first response, unless the client waits for them.
  IoResult flushed;
  if (!stream.may_read()) flushed = co_await stream.write({}, settings().timeouts.send);
  co_return flushed.ok();
}

// Does everything before the first request. For HTTP/1, `input` then has the first bytes of the request.
Task<ClientConnection::Begun> ClientConnection::begin() {
  if (expects_proxy_header() && !co_await read_proxy_header()) co_return Begun::kNothing;
  if (settings().tls && !co_await shake_hands()) co_return Begun::kNothing;
  // A new connection has the timeout of a head until its first byte arrives. The idle timeout applies only
  // after a first request.
  while (input.empty()) {
    begin_idle();
    const IoResult ready = co_await stream.readable(settings().timeouts.head);
    if (!end_idle(ready)) co_return Begun::kNothing;
  }
  const std::optional<bool> http2 = co_await chooses_http2();
  if (!http2) co_return Begun::kNothing;
  co_return *http2 ? Begun::kHttp2 : Begun::kHttp1;
}

// Releases the buffer, because an idle connection holds none.
void ClientConnection::begin_idle() {
  input.release();
  idle_ = true;
  hurried_ = false;
}

// Reads the first bytes of a request; `input` stays empty when no bytes have arrived. False when the client
// has left, or the timeout has passed.
bool ClientConnection::end_idle(const IoResult& ready) {
  idle_ = false;
  if (!ready.ok()) return false;
  input.block = Block::take(Block::kMedium);
  const IoResult got = stream.try_read(input.block.data(), input.block.capacity());
  if (got.error == EAGAIN) return true;
  input.end = got.bytes;
  return got.ok() && got.bytes > 0;
}

namespace {

// An HTTP/1 request and its response.
struct Http1Exchange : Pooled {
  explicit Http1Exchange(ClientConnection& client)
      : message(client.stream, client.input, client.message_settings()), exchange(Client{client, message}) {}

  http::h1::ServerMessageStream message;
  Exchange exchange;
};

}  // namespace

Task<void> ClientConnection::serve(std::unique_ptr<ClientConnection> owned) {
  const Begun begun = co_await owned->begin();
  if (begun == Begun::kNothing) co_return;
  if (begun == Begun::kHttp2) co_await owned->serve_http2();
  // The exchanges are on the heap, because an idle connection waits in this coroutine, and its whole frame is
  // memory that every idle connection needs.
  while (begun == Begun::kHttp1) {
    auto served = std::make_unique<Http1Exchange>(*owned);
    const http::Persistence after = co_await served->exchange.run();
    served.reset();
    if (after == http::Persistence::kClose) break;
    while (owned->input.empty()) {
      owned->begin_idle();
      const IoResult ready = co_await owned->stream.readable(owned->idle_patience());
      if (!owned->end_idle(ready)) co_return;
    }
  }
  co_await owned->linger();
}

// A connection that must end still waits a short time for one more request, because the last response may
// have announced keep-alive just before the drain began.

Milliseconds ClientConnection::idle_patience() const {
  return closing() ? kLastCall : settings().timeouts.idle;
}

Task<void> ClientConnection::linger() {
  static constexpr Milliseconds kMaxWait{30'000};
  return http::linger(stream, input, closing() ? kLastCall : kMaxWait);
}

}  // namespace portcullis::proxy
