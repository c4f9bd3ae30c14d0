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

// The workers together: what is published reaches each of them. Before start() there are none, and what they
// would be told is dropped. Control thread.
class Fleet {
 public:
  explicit Fleet(EventLoop& loop);
  ~Fleet();

  // Starts one worker for each element of `sockets`. They serve from then on, so what they need is complete:
  // the snapshot, and all that is `known` of its targets. Once the last of them has ended, `on_ended` is
  // called on the control thread. Throws std::system_error when the system allows no further thread; the
  // workers that have been started by then serve.
  void start(const std::shared_ptr<const proxy::Snapshot>& snapshot,
             std::vector<proxy::ListenerSockets> sockets, const proxy::KnownTargets& known,
             telemetry::Registry& metrics, const Logs& logs, std::function<void()> on_ended);
  // From now on the workers shed load when memory or descriptors run short. `settings` are asked for at each
  // look.
  void watch_load(std::function<const config::Overload&()> settings);
  telemetry::OverloadState overload() const;
  bool empty() const { return workers_.empty(); }
  size_t size() const { return workers_.size(); }

  // The same snapshot, which is destroyed on the control thread once the last exchange has let it go: no
  // worker has to take a large one apart.
  std::shared_ptr<const proxy::Snapshot> keep(std::shared_ptr<const proxy::Snapshot> snapshot) const {
    return disposal_.guard(std::move(snapshot));
  }
  // New exchanges use `snapshot` from now on. `sockets` has, for each worker, those of new listeners.
  void publish(const std::shared_ptr<const proxy::Snapshot>& snapshot,
               std::vector<proxy::ListenerSockets> sockets);
  void set_addresses(const std::string& host, const upstream::Addresses& addresses);
  void set_discovered(const std::string& upstream,
                      const std::shared_ptr<const upstream::TargetList>& targets);

  // Workers accept no connection from now on and end with their last exchange, or when the deadline has
  // passed. May be called again with another deadline.
  void drain(Milliseconds deadline);
  bool draining() const { return draining_; }
  // Waits for the threads, which have been told to drain.
  void join();

  // Runs `message` on each worker's thread, with the worker's index.
  void post(const std::function<void(size_t index)>& message);
  void set_pressure(proxy::Pressure pressure);
  void probe_lag();
  void set_tail(uint64_t id, const std::shared_ptr<const telemetry::TailFilter>& filter);
  void set_measuring(bool measuring);
  // `receive` gets what each worker has noted of single requests, on the control thread. How many workers
  // will answer: none of those that drain may.
  size_t collect_notables(const std::function<void(telemetry::Notables::Batch)>& receive);
  // The worker that answers questions about requests; null before start().
  proxy::Worker* rehearsing() { return workers_.empty() ? nullptr : workers_.front().get(); }

 private:
  EventLoop& loop_;
  LoopDisposal disposal_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  size_t ended_ = 0;
  bool draining_ = false;
  std::unique_ptr<OverloadGuard> overload_;  // null before watch_load()
};

}  // namespace portcullis::control
