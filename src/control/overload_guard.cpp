#include "control/overload_guard.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "base/faults.h"
#include "control/fleet.h"
#include "telemetry/process.h"

namespace portcullis::control {
namespace {

using proxy::Pressure;

// The memory limit of the container, by version 2 or version 1 of control groups; 0 when there is no limit.
double read_container_memory() {
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    double bytes = 0;
    // Without a limit the file contains "max", or a number larger than any memory.
    if (std::ifstream(file) >> bytes && bytes > 0 && bytes < 1e15) return bytes;
  }
  return 0;
}

// The fraction of a limit at which each level begins. A level ends at a slightly lower fraction, so that it
// does not change back and forth.
constexpr std::array<double, 4> kFrom{0, 0.80, 0.90, 0.95};
constexpr double kSlack = 0.05;

int level_of(double part, int now) {
  int level = 0;
  for (int i = 1; i < static_cast<int>(kFrom.size()); ++i) {
    const double from = kFrom[static_cast<size_t>(i)];
    if (part >= (i <= now ? from - kSlack : from)) level = i;
  }
  return level;
}

constexpr const char* kTold[] = {"the gateway sheds no load any more", "idle connections are closed",
                                 "no new connections are accepted", "requests are refused"};

}  // namespace

OverloadGuard::OverloadGuard(EventLoop& loop, Fleet& fleet, std::function<const config::Overload&()> settings)
    : loop_(loop), fleet_(fleet), settings_(std::move(settings)), container_memory_(read_container_memory()) {
  tasks_.spawn(watch());
}

Task<void> OverloadGuard::watch() {
  for (;;) {
    judge();
    fleet_.probe_lag();
    co_await sleep_for(loop_, kPeriod);
  }
}

void OverloadGuard::judge() {
  const telemetry::ProcessState process = telemetry::read_process_state();
  const config::Overload& settings = settings_();
  const double memory = settings.memory != 0 ? static_cast<double>(settings.memory) : container_memory_;
  state_.memory = memory > 0 ? process.resident_bytes / memory : -1;
  state_.descriptors = process.max_descriptors > 0 ? process.open_descriptors / process.max_descriptors : -1;
  const int level =
      settings.enabled ? level_of(std::max(state_.memory, state_.descriptors), state_.level) : 0;
  // The pressure is set again even when the level stays the same, because further connections may have become
  // idle.
  const bool changed = level != std::exchange(state_.level, level);
  if (!changed && level == 0) return;
  fleet_.set_pressure(static_cast<Pressure>(level));
  if (level > 0) ::malloc_trim(0);
  if (!changed) return;
  const bool by_memory = state_.memory > state_.descriptors;
  const int percent = static_cast<int>(std::max(state_.memory, state_.descriptors) * 100);
  if (level > 0) count_fault(Fault::kOverload);
  tell_fault(Fault::kOverload, level > 0 ? Level::kWarning : Level::kInfo,
             std::string("overload: ") + (by_memory ? "memory" : "descriptors") + " at " +
                 std::to_string(percent) + "%: " + kTold[level]);
}

}  // namespace portcullis::control
