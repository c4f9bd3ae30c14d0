#include "proxy/replay_worker.h"

#include <utility>

namespace portcullis::proxy {

ReplayWorker::ReplayWorker(std::shared_ptr<const Snapshot> snapshot) : WorkerContext(0, nullptr) {
  current_ = std::make_shared<WorkerSnapshot>(loop_, std::move(snapshot),
                                              std::initializer_list<const WorkerSnapshot*>{}, 0);
  for (const ListenerSettings& settings : current_->snapshot->listeners) {
    listeners_.push_back(std::make_shared<Listener>());
    listeners_.back()->settings = {current_, &settings};
  }
}

ReplayWorker::~ReplayWorker() {
  tasks_.clear();
}

routing::Doubt& ReplayWorker::doubt_about(const Recording& recording) {
  if (doubted_ != &recording) doubt_ = current_->snapshot->reads->doubt_about(recording);
  doubted_ = &recording;
  doubt_.met.clear();
  return doubt_;
}

Task<void> ReplayWorker::run(std::shared_ptr<const RehearsalRequest> request, const ReplayedRequest& replayed,
                             Rehearsal& out, bool& is_done) {
  const size_t index = request->listener;
  Task<Rehearsal> rehearsing =
      rehearse(*this, index < listeners_.size() ? listeners_[index] : nullptr, std::move(request), &replayed);
  out = co_await rehearsing;
  is_done = true;
}

Rehearsal ReplayWorker::replay(const RecordedHead& head, policy::Replay& replay) {
  // Nothing that a rehearsal of a recorded request does takes longer than work of the side pool.
  static constexpr Milliseconds kMax{5'000};
  Rehearsal out;
  bool is_done = false;
  const ReplayedRequest replayed{head, replay, doubt_about(*head.recording)};
  const auto request = std::make_shared<const RehearsalRequest>(request_of(head, *current_->snapshot));
  tasks_.spawn(run(request, replayed, out, is_done));
  const Clock::time_point deadline = Clock::now() + kMax;
  loop_.run_once(Milliseconds(0));
  while (!is_done && Clock::now() < deadline) loop_.run_once(Milliseconds(10));
  if (is_done) return out;
  tasks_.clear();
  out.end = Rehearsal::End::kUnknown;
  out.unknown = "a policy did not decide in time";
  return out;
}

}  // namespace portcullis::proxy
