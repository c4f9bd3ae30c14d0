#pragma once

#include <array>
#include <coroutine>
#include <memory>

#include "proxy/attempts.h"

namespace portcullis::proxy {

// A race between the first try of an exchange and its hedges: further targets that are asked while the first
// target is silent (Dean and Barroso, "The Tail at Scale", 2013). The first try or hedge that has received a
// whole response head wins; all others are ended.
class Attempts::Race final : private Timer {
 public:
  explicit Race(Attempts& attempts);
  ~Race();

  // Runs until a try or a hedge has won, or all have failed. first_outcome() is the outcome of the first try.
  Task<void> run();
  // The hedge that has won, and in `head` the head that it has received. Null when the first try has won, or
  // when all have failed.
  std::unique_ptr<Attempt> take_winner(http::ResponseHead& head);
  TryOutcome first_outcome() const { return first_outcome_; }
  // True when the first try has ended by itself, and not because a hedge has won.
  bool first_has_ended() const { return first_has_ended_; }
  // Ends all hedges, because the client has left.
  void cancel();

 private:
  struct Hedge {
    std::unique_ptr<Attempt> attempt;  // null before the hedge begins, or when there is no further target
    http::ResponseHead head;
    bool has_failed = false;
  };

  Task<void> run_first();
  Task<void> run_hedge(uint32_t number);
  bool is_awaited() const;
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
  TaskGroup running_;  // destroyed before the members that its tasks use
};

}  // namespace portcullis::proxy
