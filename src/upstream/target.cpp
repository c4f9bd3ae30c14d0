#include "upstream/target.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "http/h1/client_stream.h"
#include "http/h2/client_stream.h"

namespace portcullis::upstream {

bool speaks_http2(const UpstreamDefinition& upstream, const Stream& stream) {
  if (upstream.tls) return static_cast<const tls::Session*>(stream.codec())->protocol() == "h2";
  return upstream.protocol == Protocol::kHttp2;
}

void Connection::Expiry::fire() {
  connection_.drop();
}

void Connection::on_events(uint32_t) {
  // No read waits on this stream. For an idle connection this means a hang-up or unexpected data; otherwise
  // the exchange reads the data when it is ready.
  if (!idle_) return;
  // TLS sends data of its own: session tickets may arrive at any time.
  StreamCodec* codec = stream.codec();
  if (codec != nullptr && !stream.hung_up() && !codec->has_data(stream) && codec->is_sound()) return;
  drop();
}

Connection::~Connection() {
  if (channel == nullptr || target_.queue() == nullptr) return;
  target_.http2()->give_way();
  target_.queue()->freed();
}

void Connection::use(std::unique_ptr<http::h2::Channel> its_channel, bool reused) {
  channel = its_channel.get();
  channel->attach(stream);
  stream.set_channel(std::move(its_channel));
  reused_ = reused;
}

std::unique_ptr<http::ClientStream> Connection::open_message() {
  const http::h1::HeadLimits& limits = target_.upstream().response_limits;
  if (channel != nullptr) return std::make_unique<http::h2::ClientMessageStream>(stream, *channel, limits);
  return std::make_unique<http::h1::ClientMessageStream>(stream, limits);
}

void Connection::drop() {
  --target_.idle_count_;
  unlink();
  delete this;
}

uint64_t Target::id_of(const SocketAddress& address) {
  return hash_bytes(address.to_string());
}

Target::Target(EventLoop& loop, const UpstreamDefinition& upstream, const TargetDefinition& definition,
               const SocketAddress& address, ConnectionQueue* queue, Clock::time_point since)
    : loop_(loop),
      upstream_(upstream),
      definition_(&definition),
      address_(address),
      queue_(queue),
      id_(id_of(address)),
      health_(upstream.health->of(address.to_string())),
      since_(since) {
  if (upstream.protocol != Protocol::kHttp1)
    http2_ = std::make_unique<Http2Pool>(loop, upstream.timeouts.idle, upstream.http2,
                                         upstream.response_limits, queue);
}

void Target::close_idle() {
  while (!idle_.empty()) delete &idle_.pop_front();
  idle_count_ = 0;
}

void Target::retire() {
  retired_ = true;
  index = SIZE_MAX;
  close_idle();
  if (http2_) http2_->retire();
}

bool Target::close_one_idle() {
  if (http2_ && http2_->close_one_idle()) return true;
  if (idle_.empty()) return false;
  idle_.back().drop();
  return true;
}

std::unique_ptr<Connection> Target::take() {
  std::unique_ptr<Connection> ready;
  if (queue_ == nullptr || queue_->waiting() == 0) ready = take_ready();
  return ready ? std::move(ready) : make_fresh();
}

std::unique_ptr<Connection> Target::take_ready() {
  if (http2_) {
    bool reused = false;
    if (std::unique_ptr<http::h2::Channel> channel = http2_->open(reused)) {
      std::unique_ptr<Connection> connection = make_fresh();
      connection->use(std::move(channel), reused);
      return connection;
    }
  }
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Connection> connection(&idle_.pop_front());
  --idle_count_;
  connection->expiry_.unlink();
  connection->idle_ = false;
  connection->reused_ = true;
  return connection;
}

std::unique_ptr<tls::Session> Target::make_session() {
  std::string name = upstream_.server_name;
  if (name.empty()) {
    const auto* named = std::get_if<HostPort>(&definition_->place);
    name = named != nullptr ? named->host : address_.host();
  }
  return upstream_.tls->make_session(name, session_.get(), &session_);
}

std::unique_ptr<Connection> Target::make_fresh() {
  return std::make_unique<Connection>(loop_, *this);
}

void Target::give_back(std::unique_ptr<Connection> connection) {
  if (connection->channel != nullptr) return;  // the HTTP/2 pool owns the connection
  // A connection whose PROXY header describes one client must not serve another.
  if (upstream_.proxy_protocol != ProxyProtocol::kNone) return;
  if (retired_ || connection->stream.hung_up() || idle_count_ >= kMaxIdle ||
      !connection->stream.ensure_watched() || (queue_ != nullptr && queue_->owes_others()))
    return;
  Connection& kept = *connection.release();
  kept.idle_ = true;
  loop_.arm(kept.expiry_, upstream_.timeouts.idle);
  idle_.push_front(kept);
  ++idle_count_;
  if (queue_ != nullptr) queue_->freed();
}

uint64_t Target::share() const {
  const uint64_t whole = definition_->weight * kWhole;
  const Clock::duration served = loop_.now() - std::max(since_, health_->available_since());
  if (served >= upstream_.slow_start) return whole;
  const double part =
      std::chrono::duration<double>(served) / std::chrono::duration<double>(upstream_.slow_start);
  return static_cast<uint64_t>(static_cast<double>(whole) * std::max(part, 0.1));
}

namespace {

// The time constant of the moving average.
constexpr std::chrono::duration<double> kMemory{10};

}  // namespace

void Target::note_latency(Clock::duration latency) {
  const Clock::time_point now = loop_.now();
  const double fresh = std::max(std::chrono::duration<double>(latency).count(), 1e-6);
  const double keep = std::exp(-(std::chrono::duration<double>(now - latency_at_) / kMemory));
  latency_ = fresh > latency_ ? fresh : latency_ * keep + fresh * (1 - keep);
  latency_at_ = now;
}

double Target::cost() const {
  const double share_of_it = static_cast<double>(share());
  const double load = (in_flight + 1.0) / share_of_it;
  constexpr double kUnknown = 1e6;
  // A latency from before the target became unavailable no longer counts.
  if (latency_ == 0 || latency_at_ < health_->available_since()) return in_flight == 0 ? 0 : kUnknown * load;
  return latency_ * std::exp(-(std::chrono::duration<double>(loop_.now() - latency_at_) / kMemory)) * load;
}

}  // namespace portcullis::upstream
