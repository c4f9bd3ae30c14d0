#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "telemetry/metrics.h"

namespace portcullis::upstream {

// When a target that answers badly is left out for a while.
struct EjectionRules {
  uint32_t failures_in_row = 3;  // 0: does not count
  double error_share = 0;        // of an interval's requests; 0: does not count
  double slowness = 0;           // times the others' latency; 0: does not count
  uint64_t least_requests = 20;  // in an interval, to judge by it
  Milliseconds interval{10'000};
  Milliseconds ejection{10'000};  // the first time; twice of it the next time, and so on
  Milliseconds longest{300'000};
  double most_ejected = 0.5;         // of the targets; but one may always be
  std::vector<uint16_t> statuses{};  // that count as failures, sorted

  // Whether requests have to be counted.
  bool judges_intervals() const { return error_share > 0 || slowness > 0; }
  bool operator==(const EjectionRules&) const = default;
};

// One address's health: what checks have found and how it has answered. Shared by all workers, without a
// lock.
class TargetHealth {
 public:
  explicit TargetHealth(std::string address) : address_(std::move(address)) {}

  const std::string& address() const { return address_; }
  bool up() const { return (out_.load(std::memory_order_relaxed) & kDown) == 0; }
  // Operators have taken it out: it gets no request, as if it were not configured.
  bool drained() const { return (out_.load(std::memory_order_relaxed) & kDrained) != 0; }
  bool ejected(Clock::time_point now) const {
    return ejected_until_.load(std::memory_order_relaxed) > now.time_since_epoch().count();
  }
  bool available(Clock::time_point now) const {
    return out_.load(std::memory_order_relaxed) == 0 && !ejected(now);
  }
  // Since when it has been, or will be, available again; the beginning of time when it always was.
  Clock::time_point available_since() const {
    return Clock::time_point(Clock::duration(available_since_.load(std::memory_order_relaxed)));
  }

  // What the health check has found. Control thread.
  void set_up(bool up, Clock::time_point now, std::string why);
  void note_check(bool passed) {
    (passed ? checks_passed_ : checks_failed_).fetch_add(1, std::memory_order_relaxed);
  }

 private:
  friend class UpstreamHealth;

  static constexpr uint8_t kDown = 1, kDrained = 2;
  // Returns whether it was so before.
  bool set_out(uint8_t reason, bool out) {
    const uint8_t before = out ? out_.fetch_or(reason, std::memory_order_relaxed)
                               : out_.fetch_and(static_cast<uint8_t>(~reason), std::memory_order_relaxed);
    return (before & reason) != 0;
  }

  const std::string address_;
  std::atomic<uint8_t> out_{0};  // why it is, beside ejections: bits of kDown and kDrained
  std::atomic<int64_t> ejected_until_{0};
  std::atomic<int64_t> available_since_{0};
  std::atomic<uint32_t> failures_in_row_{0};
  // Of the interval.
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> failed_{0};
  std::atomic<uint64_t> latency_{0};  // microseconds, of those that answered
  std::atomic<uint64_t> ejections_{0};
  std::atomic<uint64_t> checks_passed_{0};
  std::atomic<uint64_t> checks_failed_{0};
  uint32_t in_row_ = 0;          // ejections in a row; under the upstream's lock
  std::string ejected_for_;      // what it did; under the upstream's lock
  Milliseconds ejection_{};      // how long the last one takes; under the upstream's lock
  uint64_t told_ejections_ = 0;  // how many have been told; control thread
  bool told_ejected_ = false;    // the end of one is to be told; control thread
  std::string why_;              // it is down; control thread
};

// The health of an upstream's targets. Lives through reloads. Any thread, where nothing else is said.
class UpstreamHealth {
 public:
  // The one of that address, which is made when it is not there. Takes a lock: for when targets come.
  std::shared_ptr<TargetHealth> of(const std::string& address);

  void note_success(TargetHealth& target, const EjectionRules& rules, Clock::duration latency) {
    if (target.failures_in_row_.load(std::memory_order_relaxed) != 0)
      target.failures_in_row_.store(0, std::memory_order_relaxed);
    if (!rules.judges_intervals()) return;
    // Workers share these lines, which costs them a little: only where rules ask for it.
    target.answered_.fetch_add(1, std::memory_order_relaxed);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
    target.latency_.fetch_add(static_cast<uint64_t>(micros), std::memory_order_relaxed);
  }
  void note_failure(TargetHealth& target, const EjectionRules& rules, Clock::time_point now);
  // At the end of an interval. Control thread.
  void judge(const EjectionRules& rules, Clock::time_point now);

  // The beginning or the end of one target's ejection.
  struct EjectionNews {
    std::string address;
    bool ejected = false;
    std::string why{};      // with `ejected`: "3 requests in a row failed"
    Milliseconds length{};  // with `ejected`
  };
  // What there is since the last time. Costs next to nothing while no target is ejected. Control thread.
  std::vector<EjectionNews> take_news(Clock::time_point now);

  // What operators do by hand; false when there is no target of that address. Control thread.
  // Ends its ejection: it is as one that never failed.
  bool resume(const std::string& address, Clock::time_point now);
  // Takes it out, or brings it back. Lasts while the target is one, also through reloads.
  bool set_drained(const std::string& address, bool drained, Clock::time_point now);

  // Control thread.
  void append_states(const std::string& upstream, Clock::time_point now,
                     std::vector<telemetry::TargetState>& out);

 private:
  bool eject(TargetHealth& target, const EjectionRules& rules, Clock::time_point now, std::string why);
  std::shared_ptr<TargetHealth> find(const std::string& address);
  std::vector<std::shared_ptr<TargetHealth>> members();

  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<TargetHealth>> targets_;
  std::atomic<uint64_t> ejections_{0};  // of all targets
  // Of the control thread: how many ejections have been told, and the targets whose end is to be told.
  uint64_t told_ejections_ = 0;
  std::vector<std::weak_ptr<TargetHealth>> ends_to_tell_;
};

}  // namespace portcullis::upstream
