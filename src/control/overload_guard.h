#pragma once

#include <functional>

#include "config/model.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

class Fleet;

// Watches what the process takes of memory and descriptors, and lets the workers do without what costs some
// before there is nothing left; probes how long they let requests wait. Control thread.
class OverloadGuard {
 public:
  // `settings` are asked for at each look. `fleet` outlives this object.
  OverloadGuard(EventLoop& loop, Fleet& fleet, std::function<const config::Overload&()> settings);

  const telemetry::OverloadState& state() const { return state_; }

 private:
  Task<void> watch();
  void judge();

  static constexpr Milliseconds kPeriod{250};

  EventLoop& loop_;
  Fleet& fleet_;
  std::function<const config::Overload&()> settings_;
  const double container_memory_;  // bytes; 0: no limit
  telemetry::OverloadState state_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control
