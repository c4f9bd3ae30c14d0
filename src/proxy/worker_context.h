#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/random.h"
#include "proxy/canary.h"
#include "proxy/head_ring.h"
#include "proxy/listener.h"
#include "proxy/pressure.h"
#include "proxy/worker_snapshot.h"
#include "runtime/event_loop.h"
#include "runtime/syscalls.h"
#include "runtime/task.h"
#include "telemetry/log_format.h"
#include "telemetry/notables.h"

namespace portcullis::proxy {

// The part of a worker that its connections and exchanges use. On the worker's thread.
class WorkerContext {
 public:
  // `syscalls` are the system calls of the loop; null: those of the kernel, which are not batched.
  WorkerContext(size_t index, std::unique_ptr<Syscalls> syscalls)
      : index_(index), syscalls_(std::move(syscalls)) {}
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;
  virtual ~WorkerContext() = default;

  size_t index() const { return index_; }
  EventLoop& loop() { return loop_; }
  // The snapshot that new exchanges use.
  const std::shared_ptr<WorkerSnapshot>& current() const { return current_; }
  // The canary that takes a share of new exchanges; null when there is none.
  const std::shared_ptr<const WorkerCanary>& canary() const { return canary_; }
  uint64_t random() { return random_.next(); }
  telemetry::Notables& notables() { return notables_; }
  // The heads of the last requests; null when nothing is recorded.
  HeadRing* recorded() { return recorded_.get(); }
  bool draining() const { return draining_; }
  Pressure pressure() const { return pressure_; }
  // True when requests must be refused, because memory or descriptors are used up or because the worker's lag
  // is too long.
  bool overloaded() const { return pressure_ >= Pressure::kOver || lagging_; }
  bool logging() const { return logging_; }
  // True when exchanges must note points in time, for the access log or for the metrics.
  bool measures() const { return measuring_ || logging_; }

  // Writes a line to the access log. Call this only while logging().
  virtual void log(const telemetry::LogFormat& format, const telemetry::AccessEntry& entry) = 0;
  // Passes `count` spans, in OTLP's JSON format, to the exporter. Call this only when tracing is configured.
  virtual void tell_trace(std::string_view spans, size_t count) = 0;
  // Runs a task for which no client waits. A task that has not ended is destroyed with the worker.
  virtual void spawn(Task<void> task) = 0;
  virtual void note_shed() = 0;
  // Counts a connection that is closed because its client's address has too many connections.
  virtual void note_refused_address() = 0;
  virtual void connection_ended(Listener& listener) = 0;
  // The beginning and the end of a task without a client. A draining worker waits for such tasks.
  virtual void errand_began() = 0;
  virtual void errand_ended() = 0;

 protected:
  size_t index_;
  std::unique_ptr<Syscalls> syscalls_;
  EventLoop loop_{syscalls_ ? *syscalls_ : Syscalls::kernel()};
  std::shared_ptr<WorkerSnapshot> current_;
  std::shared_ptr<const WorkerCanary> canary_;
  Random random_{0};
  telemetry::Notables notables_;
  std::unique_ptr<HeadRing> recorded_;
  bool logging_ = false;
  bool measuring_ = false;
  bool draining_ = false;
  bool lagging_ = false;
  Pressure pressure_ = Pressure::kNone;
};

}  // namespace portcullis::proxy
