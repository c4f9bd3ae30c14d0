#include "control/revisions/canary_keeper.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/say.h"

namespace portcullis::control {
namespace {

// The author of what the rules of a canary have decided.
const Author kGateway{.name = "gateway"};

Refusal no_canary() {
  return {.status = 404, .title = "there is no canary"};
}

}  // namespace

CanaryKeeper::CanaryKeeper(CanaryControl& control, Publisher& publisher, ConfigService& queue, Tell tell)
    : control_(control), publisher_(publisher), queue_(queue), tell_(std::move(tell)) {
  control_.observe([this](const CanaryNews& news) { hear(news); });
}

void CanaryKeeper::hear(const CanaryNews& news) {
  if (news.kind == CanaryNews::Kind::kPromoted) publisher_.take_canary_objects();
  if (news.kind == CanaryNews::Kind::kWithdrawn) publisher_.drop_canary_objects();
  tell_(news, by_.value_or(kGateway));
  if (news.kind == CanaryNews::Kind::kStarted || by_) return;
  working_.spawn(record_end(news.kind == CanaryNews::Kind::kPromoted ? news.revision : news.base));
}

Task<void> CanaryKeeper::record_end(uint64_t in_force) {
  Task<Status> recording = publisher_.record_canary_end(in_force);
  const Status recorded = co_await recording;
  if (!recorded)
    say(Level::kError, "the canary has ended, and the store could not be told: " + recorded.error().message);
}

Task<ChangeOutcome> CanaryKeeper::begin(Publication publication, proxy::CanaryRules rules) {
  by_ = publication.author;
  Task<ChangeOutcome> beginning = publisher_.begin_canary(std::move(publication), std::move(rules), control_);
  ChangeOutcome outcome = co_await beginning;
  by_.reset();
  co_return outcome;
}

Task<std::optional<Refusal>> CanaryKeeper::withdraw(Author by) {
  if (shared() != nullptr) {
    Task<std::optional<Refusal>> ending = withdraw_for_all(std::move(by));
    co_return co_await ending;
  }
  std::optional<Refusal> out;
  if (control_.revision() == 0) {
    out = no_canary();
    co_return out;
  }
  const uint64_t base = publisher_.revision();
  by_ = by;
  (void)control_.withdraw("withdrawn by " + by.name);
  by_.reset();
  Task<Status> recording = publisher_.record_canary_end(base);
  const Status recorded = co_await recording;
  if (!recorded)
    out = Refusal{.status = 503,
                  .title =
                      "the canary is withdrawn, but the store could not be told, so it would begin again "
                      "with a restart: " +
                      recorded.error().message,
                  .retry_later = true};
  co_return out;
}

Task<std::optional<Refusal>> CanaryKeeper::promote(Author by, const config::TextMap& labels) {
  // The job may outlive this wait.
  const auto work = std::make_shared<Promotion>();
  work->by = std::move(by);
  work->labels = labels;
  ConfigService::Job job = [this, work] {
    return shared() != nullptr ? run_promotion_for_all(work) : run_promotion(work);
  };
  Task<bool> running = queue_.run(std::move(job));
  co_await running;
  co_return std::move(work->refusal);
}

// The store is told first, so that what is in force is what the store has.
Task<void> CanaryKeeper::run_promotion(std::shared_ptr<Promotion> work) {
  const uint64_t number = control_.revision();
  if (number == 0) {
    work->refusal = no_canary();
    co_return;
  }
  if (auto refusal = publisher_.refuse_promotion(work->labels)) {
    work->refusal = std::move(refusal);
    co_return;
  }
  Task<Status> recording = publisher_.record_canary_end(number);
  const Status recorded = co_await recording;
  if (!recorded) {
    work->refusal = Refusal{.status = 503, .title = recorded.error().message, .retry_later = true};
    co_return;
  }
  Status promoted = Error{"the canary has ended meanwhile"};
  by_ = work->by;
  if (control_.revision() == number) promoted = control_.promote("promoted by " + work->by.name);
  by_.reset();
  work->refusal.reset();
  if (!promoted) work->refusal = Refusal{.status = 409, .title = promoted.error().message};
}

void CanaryKeeper::resume() {
  if (publisher_.stored_canary() != 0) working_.spawn(wait_and_resume());
}

Task<void> CanaryKeeper::wait_and_resume() {
  ConfigService::Job job = [this] { return resume_now(); };
  Task<bool> running = queue_.run(std::move(job));
  co_await running;
}

Task<void> CanaryKeeper::resume_now() {
  Task<Status> resuming = publisher_.resume_canary(control_);
  const Status resumed = co_await resuming;
  if (resumed) co_return;
  const CanaryNews news{CanaryNews::Kind::kWithdrawn, publisher_.stored_canary(), publisher_.revision(),
                        "it cannot go on after the restart: " + resumed.error().message};
  say(Level::kWarning,
      "canary withdrawn: revision " + std::to_string(news.revision) + " (" + news.reason + ")");
  tell_(news, kGateway);
  Task<void> recording = record_end(news.base);
  co_await recording;
}

}  // namespace portcullis::control
