#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "http/message_stream.h"
#include "runtime/frame_pool.h"
#include "runtime/stream.h"
#include "upstream/connection_queue.h"
#include "upstream/definition.h"
#include "upstream/http2_pool.h"

namespace portcullis::upstream {

class Target;

// A connection to a target. While in use, its exchange owns it. While idle, its target's pool owns it, and
// closes it when the peer hangs up or sends unexpected data, or when the idle timeout passes.
class Connection final : public ListNode<>, public Pooled, private Watcher {
 public:
  Connection(EventLoop& loop, Target& target) : stream(loop), target_(target), expiry_(*this) {
    stream.set_idle_watcher(this);
  }

  // HTTP/2: from now on this is a stream of a shared connection.
  void use(std::unique_ptr<http::h2::Channel> its_channel, bool reused);

  ~Connection();

  // The stream of the next request on this connection, which it must not outlive.
  std::unique_ptr<http::ClientStream> open_message();

  Breaker::Slot slot{};  // set when connections are limited; for HTTP/2 the shared connection has it.
                         // Outlives the socket
  Stream stream;
  http::h2::Channel* channel = nullptr;  // HTTP/2 only
  // True when the connection has carried an exchange before, so the target may have closed it meanwhile.
  bool reused() const { return reused_; }
  Target& target() { return target_; }

 private:
  friend class Target;
  class Expiry final : public Timer {
   public:
    explicit Expiry(Connection& connection) : connection_(connection) {}
    void fire() override;

   private:
    Connection& connection_;
  };
  void on_events(uint32_t events) override;
  void drop();

  Target& target_;
  Expiry expiry_;
  bool reused_ = false;
  bool idle_ = false;
};

// Whether HTTP/2 is spoken on a new connection: as negotiated by ALPN, or without TLS as configured.
bool speaks_http2(const UpstreamDefinition& upstream, const Stream& stream);

// One worker's view of a target at one address: its idle connections, load, latency and recent failures. A
// host name with several addresses has one Target per address.
class Target {
 public:
  // `since` is the time from which the target serves, for the slow start; the epoch for targets that have
  // always been there.
  Target(EventLoop& loop, const UpstreamDefinition& upstream, const TargetDefinition& definition,
         const SocketAddress& address, ConnectionQueue* queue, Clock::time_point since = {});
  ~Target() { close_idle(); }

  const TargetDefinition& definition() const { return *definition_; }
  // Replaces the definition of this target, which may have changed in a reload.
  void set_definition(const TargetDefinition& definition) { definition_ = &definition; }
  const UpstreamDefinition& upstream() const { return upstream_; }
  const SocketAddress& address() const { return address_; }
  // Equal on every node for the same address.
  uint64_t id() const { return id_; }
  static uint64_t id_of(const SocketAddress& address);
  // A TLS session for a new connection, which resumes an earlier session if possible; null when out of
  // memory.
  std::unique_ptr<tls::Session> make_session();

  // Null when HTTP/2 is not used.
  Http2Pool* http2() { return http2_.get(); }
  // The target negotiated HTTP/1, so requests no longer wait for a shared connection.
  bool chose_http1 = false;

  // The most recently used idle connection, a stream of a shared connection, or a new unconnected one. While
  // other requests wait for connections, only a new one, because those requests come first.
  std::unique_ptr<Connection> take();
  // An existing connection, for a request that has waited for one, or null.
  std::unique_ptr<Connection> take_ready();
  std::unique_ptr<Connection> make_fresh();
  // Returns a connection to the pool after a complete exchange, if the connection persists.
  void give_back(std::unique_ptr<Connection> connection);

  void note_success(Clock::duration latency) {
    upstream_.health->note_success(*health_, upstream_.ejection, latency);
  }
  // Records a failure; after several in a row the target is ejected for a while.
  void note_failure() { upstream_.health->note_failure(*health_, upstream_.ejection, loop_.now()); }
  // True when neither health checks nor ejection make the target unavailable.
  bool available() const { return health_->available(loop_.now()); }
  // True when an operator has drained the target: it gets no requests even if no other target is left.
  bool drained() const { return health_->drained(); }
  // The host name no longer has this address: closes idle connections, and keeps no connections from now on.
  void retire();
  // Closes the connection that has been idle longest; false when none is idle.
  bool close_one_idle();
  // The upstream's queue of waiting requests; null without a limit on connections.
  ConnectionQueue* queue() const { return queue_; }

  // The share of traffic in thousandths of the weight; less than kWhole during the slow start.
  static constexpr uint64_t kWhole = 1'000;
  uint64_t share() const;

  // Records the time from the start of an attempt to the response's head.
  void note_latency(Clock::duration latency);
  // The expected cost of a request: a moving average of the latency, which follows peaks at once and forgets
  // them slowly, times the requests in flight (like Finagle's peak EWMA). A target with unknown latency is
  // tried by one request at a time.
  double cost() const;

  uint32_t in_flight = 0;   // as counted by InFlight
  size_t index = SIZE_MAX;  // index in the upstream, for the sets of tried targets

 private:
  friend class Connection;
  static constexpr size_t kMaxIdle = 512;
  void close_idle();

  EventLoop& loop_;
  const UpstreamDefinition& upstream_;
  const TargetDefinition* definition_;
  SocketAddress address_;
  ConnectionQueue* queue_;
  uint64_t id_;
  tls::SslSessionPointer session_;  // session that the next connection resumes
  bool retired_ = false;
  IntrusiveList<Connection> idle_;
  size_t idle_count_ = 0;
  std::unique_ptr<Http2Pool> http2_;
  std::shared_ptr<TargetHealth> health_;
  Clock::time_point since_;  // when the target was added
  double latency_ = 0;       // seconds; 0: unknown
  Clock::time_point latency_at_{};
};

// Counts a request as in flight at a target while this object exists.
class InFlight {
 public:
  InFlight() = default;
  explicit InFlight(Target& target) : target_(&target) { ++target.in_flight; }
  InFlight(InFlight&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  InFlight& operator=(InFlight&& other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~InFlight() {
    if (target_ != nullptr) --target_->in_flight;
  }

 private:
  Target* target_ = nullptr;
};

}  // namespace portcullis::upstream
