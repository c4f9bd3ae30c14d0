#include "proxy/hedge_race.h"

#include <algorithm>
#include <utility>

namespace portcullis::proxy {

Attempts::Race::Race(Attempts& attempts) : attempts_(attempts), loop_(attempts.state_.worker.loop()) {
  attempts_.race_ = this;
}

Attempts::Race::~Race() {
  attempts_.race_ = nullptr;
}

bool Attempts::Race::any_asked() const {
  return std::any_of(hedges_.begin(), hedges_.end(), [](const std::unique_ptr<Hedge>& one) {
    return one && one->attempt && !one->has_failed;
  });
}

// Resumes the waiter by a timer, because settle() may run within an event for which the tasks wait.
void Attempts::Race::settle() {
  if (!std::exchange(is_settled_, true) && waiter_) loop_.arm(*this, Milliseconds(0));
}

void Attempts::Race::cancel() {
  for (const std::unique_ptr<Hedge>& one : hedges_) {
    if (one && one->attempt) one->attempt->cancel();
  }
}

Task<void> Attempts::Race::run() {
  struct UntilSettled {
    Race& race;
    bool await_ready() const { return race.is_settled_; }
    void await_suspend(std::coroutine_handle<> handle) { race.waiter_ = handle; }
    void await_resume() const {}
  };
  running_.spawn(run_first());
  const upstream::Hedging& rules = attempts_.upstream_.definition().hedging;
  const uint32_t count = std::min(rules.attempts, upstream::Hedging::kMax);
  for (uint32_t number = 0; number < count && !is_settled_; ++number) running_.spawn(run_hedge(number));
  co_await UntilSettled{*this};
  running_.clear();
  if (first_outcome_ == TryOutcome::kAnswered || attempts_.state_.watch.gone()) winner_ = nullptr;
  for (const std::unique_ptr<Hedge>& one : hedges_) {
    if (one && one->attempt && !one->has_failed && one.get() != winner_)
      one->attempt->note(TryOutcome::kClientGone);
  }
}

Task<void> Attempts::Race::run_first() {
  Task<TryOutcome> asking = attempts_.current_->ask(attempts_.state_.response);
  first_outcome_ = co_await asking;
  first_has_ended_ = true;
  const bool goes_on = first_outcome_ != TryOutcome::kAnswered && first_outcome_ != TryOutcome::kClientGone &&
                       !attempts_.state_.watch.gone() && any_asked();
  if (!goes_on) settle();
}

bool Attempts::Race::is_awaited() const {
  return !is_settled_ && !first_has_ended_ && !attempts_.state_.watch.gone();
}

Task<void> Attempts::Race::run_hedge(uint32_t number) {
  co_await sleep_for(loop_, attempts_.upstream_.definition().hedging.delay * (number + 1));
  upstream::RetryBudget& budget = attempts_.upstream_.hedge_budget();
  upstream::Target* const target = is_awaited() ? attempts_.choice_.another() : nullptr;
  const NextHedge next = decide_hedge({.is_awaited = is_awaited(),
                                       .has_target = target != nullptr,
                                       .has_budget = budget.has_token(loop_.now()),
                                       .time_left = attempts_.time_left()});
  if (!next.note.empty()) attempts_.state_.context.remarks.note = next.note;
  if (!next.begins || !attempts_.take_retry(budget)) co_return;
  hedges_[number] = std::make_unique<Hedge>();
  Hedge& hedge = *hedges_[number];
  hedge.attempt = attempts_.make_attempt(*target);
  Task<TryOutcome> running = hedge.attempt->run(Attempt::Via::kPool, hedge.head);
  const TryOutcome outcome = co_await running;
  if (outcome == TryOutcome::kAnswered) {
    if (winner_ == nullptr) winner_ = &hedge;
    settle();
    co_return;
  }
  hedge.has_failed = true;
  hedge.attempt->note(outcome);
  if (first_has_ended_ && !any_asked()) settle();
}

std::unique_ptr<Attempt> Attempts::Race::take_winner(http::ResponseHead& head) {
  if (winner_ == nullptr) return nullptr;
  head = winner_->head;
  return std::move(winner_->attempt);
}

Task<TryOutcome> Attempts::race() {
  Race race(*this);
  Task<void> running = race.run();
  co_await running;
  std::unique_ptr<Attempt> winner = race.take_winner(state_.response);
  if (!winner) {
    watch();
    co_return race.first_outcome();
  }
  // The first try has failed by itself, or it had no answer when the hedge won.
  current_->note(race.first_has_ended() ? race.first_outcome() : TryOutcome::kClientGone);
  current_->target().note_latency(state_.worker.loop().now() - current_->started());
  state_.watch.end();
  current_ = std::move(winner);
  target_ = &current_->target();
  state_.record.target = state_.request.arena.copy(target_->definition().name);
  state_.context.remarks.note = "hedge_answered";
  watch();
  co_return TryOutcome::kAnswered;
}

}  // namespace portcullis::proxy
