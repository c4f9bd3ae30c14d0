#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "proxy/listener.h"
#include "proxy/rehearsal.h"
#include "proxy/worker_context.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"
#include "telemetry/access_log.h"
#include "telemetry/trace_exporter.h"

namespace portcullis::proxy {

class ClientConnection;

// The addresses of the targets' host names, by host name, and the discovered targets, by upstream.
struct KnownTargets {
  std::map<std::string, upstream::Addresses> addresses;
  std::map<std::string, std::shared_ptr<const upstream::TargetList>> discovered;
};

// One thread with its listeners, client connections and connection pools. Public methods are called by the
// control thread, and take effect on the worker's thread.
class Worker final : public WorkerContext, private RoundWatcher {
 public:
  // Starts the thread. `known` has the targets that are known at the start, because requests may already wait
  // on sockets that another process has passed on. `access_log` and `traces` may be null. `on_finished` is
  // called at the end of the worker's thread.
  Worker(size_t index, std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets, KnownTargets known,
         telemetry::WorkerMetrics& metrics, telemetry::AccessLog* access_log,
         telemetry::TraceExporter* traces, std::function<void()> on_finished);
  ~Worker() override;

  // Makes new exchanges use `snapshot`. `sockets` has the sockets of its new listeners. Listeners that are
  // not in the snapshot are closed, and so are their connections, each after its current exchange.
  void replace_snapshot(std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets);
  // From now on new exchanges that `choice` takes are served by `snapshot`, beside the one that
  // replace_snapshot() has set; the canary before it, if there is one, ends. When replace_snapshot() is
  // called with the same snapshot, the canary has become the only one.
  void begin_canary(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const CanaryChoice> choice);
  // Ends the canary, if there is one: new exchanges are served by the other snapshot.
  void end_canary();
  // Sets the addresses of the host name `host`.
  void set_addresses(const std::string& host, const upstream::Addresses& addresses);
  // Sets the discovered targets of the upstream with this name, in this snapshot and in later ones.
  void set_discovered(const std::string& upstream, std::shared_ptr<const upstream::TargetList> targets);
  // Stops accepting, closes idle connections and lets the other connections finish their exchange. The thread
  // ends when no connection or errand is left, or when `deadline` has passed.
  void drain(Milliseconds deadline);
  void join();
  // Starts the live tail with this id, or ends it when `filter` is null. collect_notables() then also returns
  // the requests that the filter selects.
  void set_tail(uint64_t id, std::shared_ptr<const telemetry::TailFilter> filter);
  // Sets whether exchanges read the clock more often, to measure the gateway's own time apart from the time
  // of its targets.
  void set_measuring(bool measuring);
  // Calls `receive` on the thread of `loop` with the notable requests since the last call.
  void collect_notables(EventLoop& loop, std::function<void(telemetry::Notables::Batch)> receive);

  // Calls `receive` on the thread of `loop` with a copy of the request heads that the worker has recorded.
  void collect_recorded(EventLoop& loop, std::function<void(std::vector<RecordedHeads>)> receive);
  // Finds out what the gateway would do with `request`, and calls `receive` on the worker's thread with the
  // result. `receive` is not called when the worker ends first.
  void rehearse(RehearsalRequest request, std::function<void(Rehearsal)> receive);

  void set_pressure(Pressure pressure);
  // Measures how long events wait for this worker, with a message that waits like an event.
  void probe_lag();

  void log(const telemetry::LogFormat& format, const telemetry::AccessEntry& entry) override;
  void tell_trace(std::string_view spans, size_t count) override;
  void spawn(Task<void> task) override { tasks_.spawn(std::move(task)); }
  void note_shed() override { metrics_.shed.add(); }
  void note_refused_address() override { metrics_.refused_by_address.add(); }
  void connection_ended(Listener& listener) override;
  void errand_began() override { ++errands_; }
  void errand_ended() override;

 private:
  class Deadline final : public Timer {
   public:
    explicit Deadline(Worker& worker) : worker_(worker) {}
    void fire() override { worker_.loop_.stop(); }

   private:
    Worker& worker_;
  };

  void on_round(std::chrono::microseconds took) override;
  void note_lag(Clock::duration lag);
  void close_idle();
  void run(ListenerSockets sockets);
  void adopt(std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets);
  void tell_known(const WorkerSnapshot& snapshot);
  template <typename Visit>
  void for_each_upstream(Visit visit) const;
  void give_discovered(upstream::Upstream& upstream);
  void set_recording(const std::shared_ptr<const Recording>& recording);
  void close(Listener& listener);
  void stop_accepting(Listener& listener);
  bool is_done() const { return open_connections_ == 0 && errands_ == 0; }
  void accept(const std::shared_ptr<Listener>& listener, UniqueFd fd, const SocketAddress& peer);

  telemetry::WorkerMetrics& metrics_;
  telemetry::AccessLog* access_log_;
  telemetry::TraceExporter* traces_;
  std::function<void()> on_finished_;
  std::shared_ptr<const Snapshot> first_;  // set until the thread has started
  // The lags of the last probes. The worker's lag is the smallest of them, so a short peak does not count
  // (like CoDel, RFC 8289 section 3).
  std::array<Clock::duration, 4> lags_{};
  size_t next_lag_ = 0;
  std::atomic<int> probes_{0};  // probes that were sent and have not arrived
  size_t open_connections_ = 0;
  size_t errands_ = 0;
  Deadline deadline_{*this};
  KnownTargets known_;
  std::vector<std::shared_ptr<Listener>> listeners_;  // in the order of the snapshot's listeners
  IntrusiveList<ClientConnection> connections_;
  TaskGroup tasks_;
  std::thread thread_;
};

}  // namespace portcullis::proxy
