#pragma once

#include <array>
#include <coroutine>
#include <memory>

#include "proxy/attempts.h"

namespace portcullis::proxy {

// The first try of an exchange and its hedges: further targets that are asked while the first one is silent
// (Dean and Barroso, "The Tail at Scale", 2013). The first that has a whole head of a response wins; the
// others are given up.
class Attempts::Race final : private Timer {
 public:
  explicit Race(Attempts& attempts);
  ~Race();

  // co_await: until one has won, or none can any more. What the first try has ended with is first_outcome().
  Task<void> run();
  // The hedge that has won, and the head that it has; null when the first try has won, or none has.
  std::unique_ptr<Attempt> take_winner(http::ResponseHead& head);
  TryOutcome first_outcome() const { return first_outcome_; }
  // The first try has ended by itself, and not because another one has won.
  bool first_has_ended() const { return first_has_ended_; }
  // The client has left.
  void cancel();

 private:
  struct Hedge {
    std::unique_ptr<Attempt> attempt;  // null: it is not its turn yet, or there is no further target
    http::ResponseHead head;
    bool has_failed = false;
  };

  Task<void> run_first();
  Task<void> run_hedge(uint32_t number);
  bool may_begin() const;
  bool any_asked() const;
  void settle();
  void fire() override { waiter_.resume(); }

  Attempts& attempts_;
  EventLoop& loop_;
  std::array<std::unique_ptr<Hedge>, upstream::Hedging::kMax> hedges_{};
  Hedge* winner_ = nullptr;
  TryOutcome first_outcome_ = TryOutcome::kFailed;
  bool first_has_ended_ = false;
  bool is_settled_ = false;
  std::coroutine_handle<> waiter_{};
  TaskGroup running_;  // ends before what its tasks refer to
};

}  // namespace portcullis::proxy
