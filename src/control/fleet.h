#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "proxy/worker.h"
#include "runtime/loop_disposal.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

class Logs;
class OverloadGuard;

// All workers of the process. Calls are passed on to each worker. Before start() there are no workers, and
// calls have no effect. Control thread.
class Fleet {
 public:
  explicit Fleet(EventLoop& loop);
  ~Fleet();

  // Starts one worker for each element of `sockets`. The workers serve at once, so the snapshot and the
  // `known` addresses of its targets must be complete. After the last worker has ended, `on_ended` is called
  // on the control thread. Throws std::system_error when the system allows no further thread; the workers
  // that have been started by then serve.
  void start(const std::shared_ptr<const proxy::Snapshot>& snapshot,
             std::vector<proxy::ListenerSockets> sockets, const proxy::KnownTargets& known,
             telemetry::Registry& metrics, const Logs& logs, std::function<void()> on_ended);
  // From now on the workers shed load when memory or descriptors run short. `settings` is called at each
  // check.
  void watch_load(std::function<const config::Overload&()> settings);
  telemetry::OverloadState overload() const;
  bool empty() const { return workers_.empty(); }
  size_t size() const { return workers_.size(); }

  // Returns a pointer to the same snapshot that has it destroyed on the control thread after its last use, so
  // that no worker has to destroy a large snapshot.
  std::shared_ptr<const proxy::Snapshot> keep(std::shared_ptr<const proxy::Snapshot> snapshot) const {
    return disposal_.guard(std::move(snapshot));
  }
  // New exchanges use `snapshot` from now on. `sockets` has the sockets of new listeners for each worker.
  void publish(const std::shared_ptr<const proxy::Snapshot>& snapshot,
               std::vector<proxy::ListenerSockets> sockets);
  // A share of new exchanges uses `snapshot` from now on, as Worker::begin_canary() says.
  void begin_canary(const std::shared_ptr<const proxy::Snapshot>& snapshot,
                    const std::shared_ptr<const proxy::CanaryChoice>& choice);
  void end_canary();
  void set_addresses(const std::string& host, const upstream::Addresses& addresses);
  void set_discovered(const std::string& upstream,
                      const std::shared_ptr<const upstream::TargetList>& targets);

  // The workers accept no connections from now on and end with their last exchange, or after the time
  // `deadline`. May be called again with another deadline.
  void drain(Milliseconds deadline);
  bool draining() const { return draining_; }
  // Waits for the threads of the workers. drain() must have been called.
  void join();

  // Runs `message` on each worker's thread, with the worker's index.
  void post(const std::function<void(size_t index)>& message);
  void set_pressure(proxy::Pressure pressure);
  void probe_lag();
  void set_tail(uint64_t id, const std::shared_ptr<const telemetry::TailFilter>& filter);
  void set_measuring(bool measuring);
  // Asks each worker for its notable requests; `receive` is called with them on the control thread. Returns
  // the number of workers that will answer: 0 while the workers drain, because they may have ended.
  size_t collect_notables(const std::function<void(telemetry::Notables::Batch)>& receive);
  // Asks each worker for the request heads that it has recorded; `receive` is called with them on the control
  // thread. Returns the number of workers that will answer, as collect_notables().
  size_t collect_recorded(const std::function<void(std::vector<proxy::RecordedHeads>)>& receive);
  // The worker that explains requests; null before start().
  proxy::Worker* rehearsing() { return workers_.empty() ? nullptr : workers_.front().get(); }

 private:
  EventLoop& loop_;
  LoopDisposal disposal_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  size_t ended_ = 0;
  bool draining_ = false;
  std::unique_ptr<OverloadGuard> overload_;  // null until watch_load() is called
};

}  // namespace portcullis::control
