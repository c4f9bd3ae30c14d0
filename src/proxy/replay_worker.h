#pragma once

#include <memory>
#include <vector>

#include "proxy/rehearse.h"
#include "proxy/snapshot.h"

namespace portcullis::proxy {

// A worker without a thread, without sockets and without connections, which rehearses recorded requests one
// after the other, on the thread that calls it. Its snapshot must not be one that other workers serve,
// because policies keep state for each worker.
class ReplayWorker final : public WorkerContext {
 public:
  explicit ReplayWorker(std::shared_ptr<const Snapshot> snapshot);
  ~ReplayWorker() override;

  // What the snapshot says about the recorded request. `replay` gets the limits that would refuse it.
  Rehearsal replay(const RecordedHead& head, policy::Replay& replay);

 private:
  void log(const telemetry::LogFormat&, const telemetry::AccessEntry&) override {}
  void tell_trace(std::string_view, size_t) override {}
  void spawn(Task<void> task) override { tasks_.spawn(std::move(task)); }
  void note_shed() override {}
  void note_refused_address() override {}
  void connection_ended(Listener&) override {}
  void errand_began() override {}
  void errand_ended() override {}
  Task<void> run(std::shared_ptr<const RehearsalRequest> request, const ReplayedRequest& replayed,
                 Rehearsal& out, bool& is_done);
  routing::Doubt& doubt_about(const Recording& recording);

  std::vector<std::shared_ptr<Listener>> listeners_;  // in the order of the snapshot's listeners
  // What the routes read and the heads of the last recording do not have.
  const Recording* doubted_ = nullptr;
  routing::Doubt doubt_;
  TaskGroup tasks_;
};

}  // namespace portcullis::proxy
