#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>

#include "control/rehearsal.h"
#include "control/revisions/canary_keeper.h"
#include "control/revisions/publisher.h"
#include "runtime/side_pool.h"

namespace portcullis::control {

class Fleet;

// What a change would do, and to which of the recorded requests.
// NOLINTNEXTLINE(bugprone-exception-escape): no member throws when it is moved
struct PlannedChange {
  Plan plan;
  nlohmann::json rehearsal = nullptr;  // null when the change has errors, and when the recorder is off
};

// Plans changes of objects and makes them: at once, within a bound on what they change for the recorded
// requests, or as a canary. Control thread.
class ChangeService {
 public:
  // The references outlive this object.
  ChangeService(EventLoop& loop, Deployment& deployment, Fleet& fleet, Publisher& publisher,
                CanaryKeeper& canary)
      : loop_(loop),
        deployment_(deployment),
        publisher_(publisher),
        canary_(canary),
        rehearsals_(loop, fleet) {}

  // Makes a change, from the queue of ConfigService. When others have published meanwhile, the change is made
  // from their revision, unless both concern the same object. The task is destroyed when the gateway drains.
  Task<ChangeOutcome> make(ChangeRequest request);
  // What make() would do now. Nothing is changed. The configuration is checked and rehearsed on other
  // threads.
  Task<PlannedChange> plan(ChangeRequest request);

  // Runs work that may take long, such as the parsing of a large document, on another thread. The work owns
  // what it uses. An error when too much of it waits.
  template <typename T>
  Task<Result<T>> run_aside(std::function<T()> work);

  Publisher& publisher() { return publisher_; }
  const Publisher& publisher() const { return publisher_; }
  CanaryKeeper& canary() { return canary_; }

  // Waits for the end of the work on other threads. Call this before the loop is destroyed.
  void stop();

 private:
  static constexpr size_t kMaxWaiting = 8;

  Task<ChangeOutcome> try_once(ChangeRequest& request);
  Task<std::optional<Refusal>> refuse_above(ChangedBound bound, const config::Config& planned);
  Task<Result<RehearsalReport>> rehearse(const config::Config& planned);
  Task<Status> check(PlanInHand& in_hand, std::optional<config::Config>& config);
  Status start_aside();
  void destroy_aside(ChangeRequest request);

  EventLoop& loop_;
  Deployment& deployment_;
  Publisher& publisher_;
  CanaryKeeper& canary_;
  Rehearsals rehearsals_;
  std::optional<SidePool> aside_{};
};

template <typename T>
Task<Result<T>> ChangeService::run_aside(std::function<T()> work) {
  if (const Status started = start_aside(); !started) co_return started.error();
  Task<std::optional<T>> running = aside_->run<T>(loop_, std::move(work));
  std::optional<T> done = co_await running;
  if (!done) co_return Error{"too many changes are being planned: try again"};
  co_return std::move(*done);
}

}  // namespace portcullis::control
