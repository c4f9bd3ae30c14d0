// The canary that a gateway has together with the other nodes of its cluster.

#include <nlohmann/json.hpp>

#include <utility>

#include "control/revisions/canary_keeper.h"
#include "control/revisions/canary_settings.h"

namespace portcullis::control {

namespace {

using State = cluster::Canary::State;

}  // namespace

nlohmann::json CanaryKeeper::state() const {
  const SharedCanary* const all = shared();
  if (all == nullptr) return control_.state();
  std::optional<CanaryFacts> canary = control_.facts();
  const auto latest = all->latest();
  if (!canary) {
    const auto stored = latest ? stored_canary_of(latest->rules) : std::nullopt;
    if (!stored || latest->state != State::kServes) return nullptr;
    canary = CanaryFacts{latest->revision, latest->base, stored->rules, stored->since};
  }
  if (latest && latest->revision == canary->revision) canary->turns = latest->turns;
  return describe_canary(*canary, all->sum(canary->revision, control_.tally().value_or(CanaryTally())));
}

Task<CaughtUp> CanaryKeeper::catch_up() {
  Publisher::Settle settling = [this](const store::Head& head) { settle(head); };
  Task<CaughtUp> catching = publisher_.catch_up(std::move(settling));
  CaughtUp out = co_await catching;
  if (!publisher_.awaited_canary()) co_return out;
  const auto latest = shared()->latest();
  by_ = Author{.name = latest ? latest->author : "gateway"};
  Task<Status> following = publisher_.follow_canary(control_);
  static_cast<void>(co_await following);  // the publisher remembers an error
  by_.reset();
  co_return out;
}

// The author as this node knows it, when the canary was ended here.
Author CanaryKeeper::author_of_end(const std::string& name) const {
  return asking_ && asking_->name == name ? *asking_ : Author{.name = name};
}

void CanaryKeeper::withdraw_here(const std::string& reason, Author by) {
  by_ = std::move(by);
  (void)control_.withdraw(reason);
  by_.reset();
}

void CanaryKeeper::drop_if_withdrawn() {
  if (control_.revision() == 0) return;
  const auto latest = shared()->latest();
  if (latest && latest->revision == control_.revision() && latest->state == State::kWithdrawn)
    withdraw_here(latest->reason, author_of_end(latest->ended_by));
}

// Ends the canary of this node when the cluster has it no longer.
void CanaryKeeper::settle(const store::Head& head) {
  const uint64_t number = control_.revision();
  const bool goes_on = head.newest == number && !head.in_force.canary.empty();
  if (shared() == nullptr || number == 0 || goes_on) return;
  const auto latest = shared()->latest();
  const bool is_told = latest && latest->revision == number;
  const std::string reason =
      is_told ? latest->reason : "the cluster has gone on to revision " + std::to_string(head.newest);
  const Author by = author_of_end(is_told ? latest->ended_by : "gateway");
  if (head.in_force.number != number) return withdraw_here(reason, by);
  by_ = by;
  const Status promoted = control_.promote(reason);
  by_.reset();
  // The revision is then put in force like any other one.
  if (!promoted) withdraw_here("it is put in force anew: " + promoted.error().message, by);
}

// The canary that is meant by those who end it without a number: the one that this node shows. 0: none is
// known here.
uint64_t CanaryKeeper::to_end() const {
  if (control_.revision() != 0) return control_.revision();
  const auto latest = shared()->latest();
  return latest && latest->state == State::kServes ? latest->revision : 0;
}

Task<std::optional<Refusal>> CanaryKeeper::end_for_all(State state, Author by, uint64_t revision) {
  std::optional<Refusal> out;
  const bool had_one = revision != 0;
  const std::string reason = (state == State::kPromoted ? "promoted by " : "withdrawn by ") + by.name;
  Task<Result<SharedCanary::Ending>> ending = shared()->end(revision, state, reason, by.name);
  const Result<SharedCanary::Ending> ended = co_await ending;
  if (!ended) {
    out = Refusal{.status = 503, .title = ended.error().message, .retry_later = true};
  } else if (*ended == SharedCanary::Ending::kNoCanary) {
    out = Refusal{.status = 404, .title = "there is no canary"};
    if (had_one) out = Refusal{.status = 409, .title = "the canary has ended meanwhile"};
  }
  publisher_.ledger().ask_anew();
  co_return out;
}

Task<void> CanaryKeeper::follow_now() {
  Task<CaughtUp> catching = catch_up();
  static_cast<void>(co_await catching);  // the publisher remembers an error
}

Task<std::optional<Refusal>> CanaryKeeper::withdraw_for_all(Author by) {
  const uint64_t number = control_.revision();
  asking_ = by;
  Task<std::optional<Refusal>> ending = end_for_all(State::kWithdrawn, by, to_end());
  std::optional<Refusal> refusal = co_await ending;
  asking_.reset();
  if (refusal) co_return refusal;
  if (number != 0 && control_.revision() == number) withdraw_here("withdrawn by " + by.name, by);
  ConfigService::Job job = [this] { return follow_now(); };
  Task<bool> running = queue_.run(std::move(job));
  co_await running;
  co_return refusal;
}

// This node must serve the canary to compare labels. It follows before it answers.
Task<void> CanaryKeeper::run_promotion_for_all(std::shared_ptr<Promotion> work) {
  publisher_.ledger().ask_anew();
  Task<void> looking = follow_now();
  co_await looking;
  const uint64_t number = to_end();
  if (!work->labels.empty() && number != 0 && control_.revision() != number) {
    work->refusal = Refusal{.status = 503,
                            .title =
                                "this node cannot serve the canary, so it cannot tell which objects it "
                                "changes: ask another node"};
    co_return;
  }
  if (auto refusal = publisher_.refuse_promotion(work->labels)) {
    work->refusal = std::move(refusal);
    co_return;
  }
  if (!work->labels.empty() && number == 0) {
    work->refusal = Refusal{.status = 404, .title = "there is no canary"};
    co_return;
  }
  Task<std::optional<Refusal>> ending = end_for_all(State::kPromoted, work->by, number);
  work->refusal = co_await ending;
  if (work->refusal) co_return;
  asking_ = work->by;
  Task<void> following = follow_now();
  co_await following;
  asking_.reset();
}

}  // namespace portcullis::control
