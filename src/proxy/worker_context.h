#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/random.h"
#include "proxy/listener.h"
#include "proxy/pressure.h"
#include "proxy/worker_snapshot.h"
#include "runtime/batched_syscalls.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"
#include "telemetry/log_format.h"
#include "telemetry/notables.h"

namespace portcullis::proxy {

// What connections and exchanges need of the worker that runs them. Used on the worker's thread only.
class WorkerContext {
 public:
  // `syscalls` may be null: each system call is then made by itself.
  WorkerContext(size_t index, std::unique_ptr<BatchedSyscalls> syscalls)
      : index_(index), syscalls_(std::move(syscalls)) {}
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;
  virtual ~WorkerContext() = default;

  size_t index() const { return index_; }
  EventLoop& loop() { return loop_; }
  // What new exchanges use.
  const std::shared_ptr<WorkerSnapshot>& current() const { return current_; }
  uint64_t random() { return random_.next(); }
  telemetry::Notables& notables() { return notables_; }
  bool draining() const { return draining_; }
  Pressure pressure() const { return pressure_; }
  // Requests are to be refused: there is no room for them, or those before them wait too long.
  bool overloaded() const { return pressure_ >= Pressure::kOver || lagging_; }
  bool logging() const { return logging_; }
  // The moments in an exchange are told, or counted.
  bool measures() const { return measuring_ || logging_; }

  // Only while logging().
  virtual void log(const telemetry::LogFormat& format, const telemetry::AccessEntry& entry) = 0;
  // Only while something traces: `spans` in OTLP's JSON.
  virtual void tell_trace(std::string_view spans, size_t count) = 0;
  // Runs a task that no client waits for; what is left of it ends with the worker.
  virtual void spawn(Task<void> task) = 0;
  virtual void note_shed() = 0;
  // A connection is closed because its client's address has too many.
  virtual void note_refused_address() = 0;
  virtual void connection_ended(Listener& listener) = 0;
  // Of what goes on without a client, and is to come to its end before the worker does.
  virtual void errand_began() = 0;
  virtual void errand_ended() = 0;

 protected:
  size_t index_;
  std::unique_ptr<BatchedSyscalls> syscalls_;
  EventLoop loop_{syscalls_ ? *syscalls_ : Syscalls::kernel()};
  std::shared_ptr<WorkerSnapshot> current_;
  Random random_{0};
  telemetry::Notables notables_;
  bool logging_ = false;
  bool measuring_ = false;
  bool draining_ = false;
  bool lagging_ = false;
  Pressure pressure_ = Pressure::kNone;
};

}  // namespace portcullis::proxy
