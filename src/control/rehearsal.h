#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "control/rehearsal_report.h"
#include "proxy/recorded_head.h"
#include "runtime/side_pool.h"
#include "runtime/task.h"

namespace portcullis::control {

class Fleet;

// The configurations that are compared, both checked.
struct ComparedConfigs {
  std::shared_ptr<const config::Config> present;
  std::shared_ptr<const config::Config> planned;
};

// Runs each recorded request through both configurations, as explain() runs a question through one, and
// reports where they differ. Each configuration is compiled anew with engines of its own, so nothing is sent,
// charged, stored or counted. Blocks for up to a second with 10,000 requests: not for the control thread or a
// worker. When a stop is requested, the report has only the requests so far. Returns an error when a
// configuration cannot be compiled.
Result<RehearsalReport> compare(const ComparedConfigs& configs,
                                const std::vector<proxy::RecordedHeads>& recorded,
                                const std::stop_token& stop);

// Rehearses changes on the requests that the workers have recorded, one after the other on a thread of its
// own, which begins with the first of them. Control thread.
class Rehearsals {
 public:
  // The loop is that of the control thread. Both outlive this object.
  Rehearsals(EventLoop& loop, Fleet& fleet) : loop_(loop), fleet_(fleet) {}

  // As compare(), with what the workers have recorded. Returns an error also when kMaxWaiting changes wait,
  // or when the system allows no further thread. To destroy the task is to give the rehearsal up.
  Task<Result<RehearsalReport>> rehearse(ComparedConfigs configs);
  // Waits for the end of the rehearsal that is running. Call this before the loop is destroyed.
  void stop();

 private:
  static constexpr size_t kMaxWaiting = 8;

  Task<std::vector<proxy::RecordedHeads>> collect();

  EventLoop& loop_;
  Fleet& fleet_;
  std::optional<SidePool> pool_{};
};

}  // namespace portcullis::control
