#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/event_loop.h"

namespace portcullis::proxy {

// When a branch of a route is taken out for what its requests have come to.
struct RollbackRules {
  double error_share = 0;
  std::vector<uint16_t> statuses{};  // that count as failures, sorted
  uint64_t least_requests = 50;      // in an interval, to judge by it
  Milliseconds interval{30'000};
  Milliseconds hold{0};  // 0: for good

  bool operator==(const RollbackRules&) const = default;
};

// Whether a branch serves. Shared by all workers, without a lock, and lives through reloads. Counts are of an
// interval and may lose one or two requests where two intervals meet.
class Rollback {
 public:
  // `label`: what it is called in the log.
  Rollback(std::string label, RollbackRules rules) : label_(std::move(label)), rules_(std::move(rules)) {}

  const RollbackRules& rules() const { return rules_; }
  // Any thread.
  bool is_out(Clock::time_point now) const {
    return out_until_.load(std::memory_order_relaxed) > now.time_since_epoch().count();
  }
  // A request has ended: with this status, its body cut off or whole. Any thread.
  void note(uint16_t status, bool cut_off, Clock::time_point now);
  // The branch serves again. Any thread.
  void resume();
  uint64_t times() const { return times_.load(std::memory_order_relaxed); }

 private:
  void begin_interval(Clock::time_point now);

  const std::string label_;
  const RollbackRules rules_;
  std::atomic<int64_t> out_until_{0};
  std::atomic<int64_t> interval_began_{0};
  std::atomic<uint64_t> requests_{0};
  std::atomic<uint64_t> failures_{0};
  std::atomic<uint64_t> times_{0};  // that it was taken out
};

}  // namespace portcullis::proxy
