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

// The addresses of targets that are known by host names, and the targets that have been discovered, by
// upstream.
struct KnownTargets {
  std::map<std::string, upstream::Addresses> addresses;
  std::map<std::string, std::shared_ptr<const upstream::TargetList>> discovered;
};

// One thread and all it serves: listeners, client connections, pools. Methods are for the control thread; the
// work they ask for happens on the worker's own.
class Worker final : public WorkerContext, private RoundWatcher {
 public:
  // The thread starts at once, and sockets that a predecessor passed on may have requests waiting: so `known`
  // is what the first of them needs. `access_log` and `traces` may be null. `on_finished` is called on the
  // worker's thread as its last act.
  Worker(size_t index, std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets, KnownTargets known,
         telemetry::WorkerMetrics& metrics, telemetry::AccessLog* access_log,
         telemetry::TraceExporter* traces, std::function<void()> on_finished);
  ~Worker() override;

  // From now on new exchanges use `snapshot`. `sockets` has what its new listeners need; listeners that it
  // does not have any more are closed, and their connections as soon as their exchange has ended.
  void replace_snapshot(std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets);
  // From now on `host` stands for these addresses.
  void set_addresses(const std::string& host, const upstream::Addresses& addresses);
  // From now on these are the targets that have been discovered for the upstream of that name, also of later
  // snapshots.
  void set_discovered(const std::string& upstream, std::shared_ptr<const upstream::TargetList> targets);
  // Stops accepting, closes idle connections and lets the others finish their exchange; the thread ends when
  // none is left or the deadline has passed.
  void drain(Milliseconds deadline);
  void join();
  // Opens a live tail of that number, or closes it (null): what fits is told with what is notable.
  void set_tail(uint64_t id, std::shared_ptr<const telemetry::TailFilter> filter);
  // Whether exchanges read the clock more often, to tell the gateway's own time from its targets'.
  void set_measuring(bool measuring);
  // `receive` gets what is notable of single requests since it was last asked for, on `loop`'s thread.
  void collect_notables(EventLoop& loop, std::function<void(telemetry::Notables::Batch)> receive);

  // `receive` gets what would become of the request, on the worker's thread; never, when the worker ends
  // before.
  void rehearse(RehearsalRequest request, std::function<void(Rehearsal)> receive);

  void set_pressure(Pressure pressure);
  // Measures how long events wait for this worker, by a message that waits with them.
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
  void give_discovered(upstream::Upstream& upstream);
  void close(Listener& listener);
  void stop_accepting(Listener& listener);
  bool is_done() const { return open_connections_ == 0 && errands_ == 0; }
  void accept(const std::shared_ptr<Listener>& listener, UniqueFd fd, const SocketAddress& peer);

  telemetry::WorkerMetrics& metrics_;
  telemetry::AccessLog* access_log_;
  telemetry::TraceExporter* traces_;
  std::function<void()> on_finished_;
  std::shared_ptr<const Snapshot> first_;  // until the thread has begun
  // The lags of the last probes. Only a lasting lag counts: the smallest of them (as CoDel, RFC 8289 section
  // 3).
  std::array<Clock::duration, 4> lags_{};
  size_t next_lag_ = 0;
  std::atomic<int> probes_{0};  // probes that have been sent and not been received
  size_t open_connections_ = 0;
  size_t errands_ = 0;
  Deadline deadline_{*this};
  KnownTargets known_;
  std::vector<std::shared_ptr<Listener>> listeners_;  // as the snapshot's
  IntrusiveList<ClientConnection> connections_;
  TaskGroup tasks_;
  std::thread thread_;
};

}  // namespace portcullis::proxy
