#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "proxy/rollback_rules.h"
#include "runtime/event_loop.h"

namespace portcullis::proxy {

// Decides whether a branch serves requests. Shared by all workers, without a lock, and kept over reloads.
// Each interval has its own counts, which may miss one or two requests at the change of intervals.
class Rollback {
 public:
  // `label` names the branch in the log.
  Rollback(std::string label, RollbackRules rules) : label_(std::move(label)), rules_(std::move(rules)) {}

  const RollbackRules& rules() const { return rules_; }
  // True while the branch is taken out. Any thread.
  bool is_out(Clock::time_point now) const {
    return out_until_.load(std::memory_order_relaxed) > now.time_since_epoch().count();
  }
  // Counts a request that has ended with this status. `cut_off`: the response's body was incomplete. Any
  // thread.
  void note(uint16_t status, bool cut_off, Clock::time_point now);
  // Lets the branch serve requests again. Any thread.
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
  std::atomic<uint64_t> times_{0};  // how often the branch was taken out
};

}  // namespace portcullis::proxy
