#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "runtime/frame_pool.h"
#include "runtime/stream.h"
#include "telemetry/metrics.h"

namespace portcullis::upstream {

enum class Balance : uint8_t { kRoundRobin, kLeastRequest };

struct TargetDefinition {
  std::string name;  // as configured, for logs
  SocketAddress address;
  uint32_t weight = 1;
  std::vector<telemetry::TargetMetrics*> metrics{};  // one for each worker; they outlive the definition
};

// A backend service as configured. Immutable, shared by all workers through the snapshot.
struct UpstreamDefinition {
  std::string name;
  Balance balance = Balance::kRoundRobin;
  std::vector<TargetDefinition> targets;
  Milliseconds connect_timeout{1'000};
  Milliseconds response_timeout{15'000};
  Milliseconds idle_timeout{60'000};
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

// One worker's view of a target: its idle connections, load and recent failures.
class Target {
 public:
  Target(EventLoop& loop, const TargetDefinition& definition, Milliseconds idle_timeout)
      : loop_(loop), definition_(definition), idle_timeout_(idle_timeout) {}
  ~Target();

  const TargetDefinition& definition() const { return definition_; }

  // The most recently used idle connection, or a new unconnected one.
  std::unique_ptr<Connection> take();
  std::unique_ptr<Connection> make_fresh();
  // Back to the pool, after a complete exchange on a connection that persists.
  void give_back(std::unique_ptr<Connection> connection);

  void note_success() { failures_ = 0; }
  // After kFailuresToEject in a row the target is left out for kEjection, unless all are.
  void note_failure();
  bool ejected() const { return ejected_until_ > loop_.now(); }

  uint32_t in_flight = 0;
  int64_t current_weight = 0;  // smooth weighted round robin

 private:
  friend class Connection;
  static constexpr uint32_t kFailuresToEject = 3;
  static constexpr std::chrono::seconds kEjection{10};
  static constexpr size_t kMostIdle = 512;

  EventLoop& loop_;
  const TargetDefinition& definition_;
  Milliseconds idle_timeout_;
  IntrusiveList<Connection> idle_;
  size_t idle_count_ = 0;
  uint32_t failures_ = 0;
  Clock::time_point ejected_until_{};
};

// One worker's view of an upstream.
class Upstream {
 public:
  Upstream(EventLoop& loop, const UpstreamDefinition& definition, uint64_t seed);

  const UpstreamDefinition& definition() const { return definition_; }
  size_t target_count() const { return targets_.size(); }

  // The target for the next request or try; targets in `tried` (a bit each, the first 64) only when no other
  // is left. Never null: an upstream has targets.
  Target& pick(uint64_t tried);
  uint64_t bit_of(const Target& target) const;

 private:
  bool eligible(size_t index, uint64_t tried, bool admit_ejected) const;
  Target* pick_round_robin(uint64_t tried, bool admit_ejected);
  Target* pick_least_request(uint64_t tried, bool admit_ejected);
  uint64_t random();

  const UpstreamDefinition& definition_;
  std::vector<std::unique_ptr<Target>> targets_;
  uint64_t random_state_;
};

}  // namespace portcullis::upstream
