#pragma once

#include <functional>

#include "config/model.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

class Fleet;

// Watches the memory and the descriptors that the process uses, and has the workers shed load before these
// run out. Also probes how long requests wait for a worker. Control thread.
class OverloadGuard {
 public:
  // `settings` is called at each check. `fleet` outlives this object.
  OverloadGuard(EventLoop& loop, Fleet& fleet, std::function<const config::Overload&()> settings);

  const telemetry::OverloadState& state() const { return state_; }

 private:
  Task<void> watch();
  void judge();

  static constexpr Milliseconds kPeriod{250};

  EventLoop& loop_;
  Fleet& fleet_;
  std::function<const config::Overload&()> settings_;
  const double container_memory_;  // in bytes; 0 when there is no limit
  telemetry::OverloadState state_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control
