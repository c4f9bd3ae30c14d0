#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "telemetry/metrics.h"
#include "upstream/ejection.h"

namespace portcullis::upstream {

// The health of one address: the results of its checks and of its requests. Shared by all workers, without a
// lock.
class TargetHealth {
 public:
  explicit TargetHealth(std::string address) : address_(std::move(address)) {}

  const std::string& address() const { return address_; }
  bool up() const { return (out_.load(std::memory_order_relaxed) & kDown) == 0; }
  // True when an operator has drained the target: it gets no requests, as if it were not configured.
  bool drained() const { return (out_.load(std::memory_order_relaxed) & kDrained) != 0; }
  bool ejected(Clock::time_point now) const {
    return ejected_until_.load(std::memory_order_relaxed) > now.time_since_epoch().count();
  }
  bool available(Clock::time_point now) const {
    return out_.load(std::memory_order_relaxed) == 0 && !ejected(now);
  }
  // The time since which the target has been, or from which it will be, available; the epoch if it always
  // was.
  Clock::time_point available_since() const {
    return Clock::time_point(Clock::duration(available_since_.load(std::memory_order_relaxed)));
  }

  // Sets the result of the health check. Control thread.
  void set_up(bool up, Clock::time_point now, std::string why);
  void note_check(bool passed) {
    (passed ? checks_passed_ : checks_failed_).fetch_add(1, std::memory_order_relaxed);
  }

 private:
  friend class UpstreamHealth;

  static constexpr uint8_t kDown = 1, kDrained = 2;
  // Returns whether `reason` was set before.
  bool set_out(uint8_t reason, bool out) {
    const uint8_t before = out ? out_.fetch_or(reason, std::memory_order_relaxed)
                               : out_.fetch_and(static_cast<uint8_t>(~reason), std::memory_order_relaxed);
    return (before & reason) != 0;
  }

  const std::string address_;
  std::atomic<uint8_t> out_{0};  // reasons other than ejection: bits of kDown and kDrained
  std::atomic<int64_t> ejected_until_{0};
  std::atomic<int64_t> available_since_{0};
  std::atomic<uint32_t> failures_in_row_{0};
  // Counts of the current interval.
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> failed_{0};
  std::atomic<uint64_t> latency_{0};  // microseconds, summed over the answered requests
  std::atomic<uint64_t> ejections_{0};
  std::atomic<uint64_t> checks_passed_{0};
  std::atomic<uint64_t> checks_failed_{0};
  uint32_t in_row_ = 0;          // ejections in a row; guarded by the upstream's lock
  std::string ejected_for_;      // reason of the ejection; guarded by the upstream's lock
  Milliseconds ejection_{};      // length of the last ejection; guarded by the upstream's lock
  uint64_t told_ejections_ = 0;  // ejections that have been logged; control thread
  bool told_ejected_ = false;    // the end of an ejection must be logged; control thread
  std::string why_;              // why the target is down; control thread
};

// The health of an upstream's targets. Kept over reloads. Any thread, unless stated otherwise.
class UpstreamHealth {
 public:
  // The health of the target with that address; created if it does not exist. Takes a lock, so call it only
  // when targets are added.
  std::shared_ptr<TargetHealth> of(const std::string& address);

  void note_success(TargetHealth& target, const EjectionRules& rules, Clock::duration latency) {
    if (target.failures_in_row_.load(std::memory_order_relaxed) != 0)
      target.failures_in_row_.store(0, std::memory_order_relaxed);
    if (!rules.judges_intervals()) return;
    // Workers share these cache lines, which costs some time, so requests are counted only where rules need
    // that.
    target.answered_.fetch_add(1, std::memory_order_relaxed);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
    target.latency_.fetch_add(static_cast<uint64_t>(micros), std::memory_order_relaxed);
  }
  void note_failure(TargetHealth& target, const EjectionRules& rules, Clock::time_point now);
  // Judges the targets at the end of an interval. Control thread.
  void judge(const EjectionRules& rules, Clock::time_point now);

  // The beginning or the end of a target's ejection.
  struct EjectionNews {
    std::string address;
    bool ejected = false;
    std::string why{};      // with `ejected`, such as "3 requests in a row failed"
    Milliseconds length{};  // with `ejected`
  };
  // The ejections that began or ended since the last call. Cheap while no target is ejected. Control thread.
  std::vector<EjectionNews> take_news(Clock::time_point now);

  // Operators' actions; false when there is no target with that address. Control thread.
  // Ends an ejection and clears its history.
  bool resume(const std::string& address, Clock::time_point now);
  // Drains a target, or ends that. The state is kept as long as the target exists, also over reloads.
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
  // Control thread: the number of logged ejections, and the targets whose end of ejection must be logged.
  uint64_t told_ejections_ = 0;
  std::vector<std::weak_ptr<TargetHealth>> ends_to_tell_;
};

}  // namespace portcullis::upstream
