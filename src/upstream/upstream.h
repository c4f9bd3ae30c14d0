#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/intrusive_list.h"
#include "runtime/frame_pool.h"
#include "runtime/stream.h"
#include "telemetry/metrics.h"
#include "tls/client_context.h"

namespace portcullis::upstream {

enum class ProxyProtocol : uint8_t { kNone, k1, k2 };
enum class Balance : uint8_t { kRoundRobin, kLeastRequest };

struct TargetDefinition {
  std::string name;  // as configured, for logs
  std::variant<SocketAddress, HostPort> place{};
  uint32_t weight = 1;
  std::vector<telemetry::TargetMetrics*> metrics{};  // one for each worker; they outlive the definition

  bool operator==(const TargetDefinition&) const = default;
};

// A backend service as configured. Immutable, shared by all workers through the snapshot.
struct UpstreamDefinition {
  std::string name;
  Balance balance = Balance::kRoundRobin;
  std::vector<TargetDefinition> targets;
  Milliseconds connect_timeout{1'000};
  Milliseconds response_timeout{15'000};
  Milliseconds idle_timeout{60'000};
  uint32_t failures_to_eject = 3;  // in a row
  Milliseconds ejection{10'000};   // how long such a target is left out
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  std::shared_ptr<const tls::ClientContext> tls{};  // null: plain
  std::string server_name{};                        // asked for and verified; empty: the target's own

  bool operator==(const UpstreamDefinition&) const = default;
};

class Target;

// A connection to a target. In use, its exchange owns it; idle, its target's pool does and closes it when the
// peer hangs up, sends something unasked, or the idle time is over.
class Connection final : public ListNode<>, public Pooled, private Watcher {
 public:
  Connection(EventLoop& loop, Target& target) : stream(loop), target_(target), expiry_(*this) {
    stream.set_idle_watcher(this);
  }

  Stream stream;
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

// One worker's view of a target at one address: its idle connections, load and recent failures. A name that
// stands for several addresses makes several of these.
class Target {
 public:
  Target(EventLoop& loop, const UpstreamDefinition& upstream, const TargetDefinition& definition,
         const SocketAddress& address)
      : loop_(loop), upstream_(upstream), definition_(definition), address_(address) {}
  ~Target() { close_idle(); }

  const TargetDefinition& definition() const { return definition_; }
  const SocketAddress& address() const { return address_; }
  // The TLS of a new connection, which resumes what earlier ones had; null when memory is short.
  std::unique_ptr<tls::Session> make_session();

  // The most recently used idle connection, or a new unconnected one.
  std::unique_ptr<Connection> take();
  std::unique_ptr<Connection> make_fresh();
  // Back to the pool, after a complete exchange on a connection that persists.
  void give_back(std::unique_ptr<Connection> connection);

  void note_success() { failures_ = 0; }
  // After several in a row the target is left out for a while, unless all are.
  void note_failure();
  bool ejected() const { return ejected_until_ > loop_.now(); }
  // Its name does not stand for this address any more: closes what is idle and keeps nothing from now on.
  void retire();

  uint32_t in_flight = 0;
  int64_t current_weight = 0;  // smooth weighted round robin

 private:
  friend class Connection;
  static constexpr size_t kMostIdle = 512;
  void close_idle();

  EventLoop& loop_;
  const UpstreamDefinition& upstream_;
  const TargetDefinition& definition_;
  SocketAddress address_;
  tls::SslSessionPointer session_;  // that the next connection resumes
  bool retired_ = false;
  IntrusiveList<Connection> idle_;
  size_t idle_count_ = 0;
  uint32_t failures_ = 0;
  Clock::time_point ejected_until_{};
};

// The addresses that a host name stands for at present; their ports do not count.
using Addresses = std::vector<SocketAddress>;

// One worker's view of an upstream.
class Upstream {
 public:
  Upstream(EventLoop& loop, std::shared_ptr<const UpstreamDefinition> definition, uint64_t seed);

  const UpstreamDefinition& definition() const { return *definition_; }
  size_t target_count() const { return targets_.size(); }

  // From now on `host`, if a target is known by it, stands for `addresses`. Targets that stay keep their
  // connections and their state; exchanges with those that go end as they would have.
  void set_addresses(const std::string& host, const Addresses& addresses);

  // The target for the next request or try; targets in `tried` (a bit each, the first 64) only when no other
  // is left. Null when there is none: no name has been resolved yet.
  Target* pick(uint64_t tried);
  uint64_t bit_of(const Target& target) const;

 private:
  bool eligible(size_t index, uint64_t tried, bool admit_ejected) const;
  Target* pick_round_robin(uint64_t tried, bool admit_ejected);
  Target* pick_least_request(uint64_t tried, bool admit_ejected);
  uint64_t random();

  EventLoop& loop_;
  std::shared_ptr<const UpstreamDefinition> definition_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::unique_ptr<Target>> retired_;  // until their last exchange has ended
  uint64_t random_state_;
};

}  // namespace portcullis::upstream
