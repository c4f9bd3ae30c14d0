#pragma once

#include "base/intrusive_list.h"
#include "runtime/frame_pool.h"
#include "runtime/stream.h"
#include "upstream/connection_queue.h"
#include "upstream/definition.h"
#include "upstream/http2_pool.h"

namespace portcullis::upstream {

class Target;

// A connection to a target. In use, its exchange owns it; idle, its target's pool does and closes it when the
// peer hangs up, sends something unasked, or the idle time is over.
class Connection final : public ListNode<>, public Pooled, private Watcher {
 public:
  Connection(EventLoop& loop, Target& target) : stream(loop), target_(target), expiry_(*this) {
    stream.set_idle_watcher(this);
  }

  // HTTP/2: from now on it is a stream of a connection that others share.
  void use(std::unique_ptr<http::h2::Channel> its_channel, bool reused);

  ~Connection();

  Breaker::Slot
      slot{};  // while there is a limit; of HTTP/2, its shared connection has it. Outlives the socket
  Stream stream;
  http::h2::Channel* channel = nullptr;  // HTTP/2 only
  // True when it has carried an exchange before: the target may have closed it meanwhile.
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

// Whether HTTP/2 is spoken on a connection that has been made: as agreed on in its TLS, or without TLS as
// configured.
bool speaks_http2(const UpstreamDefinition& upstream, const Stream& stream);

// One worker's view of a target at one address: its idle connections, load, latency and recent failures. A
// name that stands for several addresses makes several of these.
class Target {
 public:
  // `since`: from when it serves, for the slow start; the beginning of time for those that have always been.
  Target(EventLoop& loop, const UpstreamDefinition& upstream, const TargetDefinition& definition,
         const SocketAddress& address, ConnectionQueue* queue, Clock::time_point since = {});
  ~Target() { close_idle(); }

  const TargetDefinition& definition() const { return *definition_; }
  // The same target, described anew.
  void set_definition(const TargetDefinition& definition) { definition_ = &definition; }
  const UpstreamDefinition& upstream() const { return upstream_; }
  const SocketAddress& address() const { return address_; }
  // The same on every node for the same address.
  uint64_t id() const { return id_; }
  static uint64_t id_of(const SocketAddress& address);
  // The TLS of a new connection, which resumes what earlier ones had; null when memory is short.
  std::unique_ptr<tls::Session> make_session();

  // Null where HTTP/2 is not spoken.
  Http2Pool* http2() { return http2_.get(); }
  // It has chosen HTTP/1 when it was asked: it is not waited for any more.
  bool chose_http1 = false;

  // The most recently used idle connection, a stream of a shared one, or a new unconnected one; the last also
  // while others wait, who come first.
  std::unique_ptr<Connection> take();
  // One that is there, for who has waited for it, or null.
  std::unique_ptr<Connection> take_ready();
  std::unique_ptr<Connection> make_fresh();
  // Back to the pool, after a complete exchange on a connection that persists.
  void give_back(std::unique_ptr<Connection> connection);

  void note_success(Clock::duration latency) {
    upstream_.health->note_success(*health_, upstream_.ejection, latency);
  }
  // After several in a row the target is left out for a while.
  void note_failure() { upstream_.health->note_failure(*health_, upstream_.ejection, loop_.now()); }
  // No check has found it down, and it is not left out.
  bool available() const { return health_->available(loop_.now()); }
  // Operators have taken it out: it gets nothing, also when no other is left.
  bool drained() const { return health_->drained(); }
  // Its name does not stand for this address any more: closes what is idle and keeps nothing from now on.
  void retire();
  // Closes the connection that has been idle the longest; false when none is.
  bool close_one_idle();
  // Its upstream's, where there is a limit on connections.
  ConnectionQueue* queue() const { return queue_; }

  // Its share beside others, in thousandths of the weight: less while it starts slowly.
  static constexpr uint64_t kWhole = 1'000;
  uint64_t share() const;

  // How long it took from a try's begin to the head of its response.
  void note_latency(Clock::duration latency);
  // What a request would cost here, by a moving average of the latency that follows peaks at once and forgets
  // them slowly, times the requests in flight (as Finagle's peak EWMA). A target that nobody knows is tried
  // by one request at a time.
  double cost() const;

  uint32_t in_flight = 0;   // as InFlight counts
  size_t index = SIZE_MAX;  // among its upstream's, for the sets of those that have been tried

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
  tls::SslSessionPointer session_;  // that the next connection resumes
  bool retired_ = false;
  IntrusiveList<Connection> idle_;
  size_t idle_count_ = 0;
  std::unique_ptr<Http2Pool> http2_;
  std::shared_ptr<TargetHealth> health_;
  Clock::time_point since_;  // when it joined
  double latency_ = 0;       // seconds; 0: unknown
  Clock::time_point latency_at_{};
};

// A request that a target has in hand, as long as this lives.
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
