#pragma once

#include <memory>
#include <optional>

#include "proxy/attempt.h"
#include "proxy/next_try.h"
#include "proxy/policy_chain.h"
#include "proxy/target_choice.h"

namespace portcullis::proxy {

// The tries of one exchange, one after the other or, where a request is hedged, beside each other: whom to
// ask, and whether to ask again.
class Attempts {
 public:
  // Both outlive this. The request has a branch, whose upstream is asked.
  Attempts(ExchangeState& state, const PolicyChain& chain);
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;
  ~Attempts();

  // Counts the request in the budgets, and sets the deadline for its response.
  void begin();
  // The request may be sent more than once, so that its body is to be held.
  bool wants_body_held() const;

  // Chooses the target of the next try. False when there is none.
  bool choose();
  // Asks it: kAnswered when the head of the response that has come first is in ExchangeState::response, an
  // interim response's or the final one's. The try that has it is current().
  Task<TryOutcome> ask();
  // The client is watched, as long as ClientWatch has not been ended: when it leaves, the targets are not
  // waited for any more; or `give_up` is called, if it is given.
  void watch(ClientWatch::GiveUp give_up = {});
  Attempt& current() { return *current_; }
  // The final response's head is in ExchangeState::response. False when it is dropped, and the request is
  // sent again.
  bool takes_final_head();
  // The Set-Cookie value for the client, or empty.
  std::string_view cookie() const { return choice_.cookie_for(current_->target()); }

  // The current try has ended. The client may have left whatever it has ended with.
  TryOutcome end_try(TryOutcome outcome);
  // What comes next after `outcome`: charges the budget of retries where one is needed.
  [[gnu::cold]] NextTry next(TryOutcome outcome);

  // Why the last try has failed; kEnds.upstream_failed where nothing is known.
  [[gnu::cold]] const EndReason& failure() const;
  // Of the last try.
  const RelayResult& upload_result() const { return upload_result_; }
  Milliseconds time_left() const { return time_left_until(deadline_, state_.worker.loop()); }

 private:
  class Race;
  bool may_send_again() const;
  bool may_hedge() const;
  [[gnu::cold]] bool take_retry(upstream::RetryBudget& budget, std::string_view spent);
  [[gnu::cold]] bool pay_for_retry();
  TryFacts facts(TryOutcome outcome) const;
  std::unique_ptr<Attempt> make_attempt(upstream::Target& target);
  void cancel();
  [[gnu::cold]] Task<TryOutcome> race();

  ExchangeState& state_;
  const PolicyChain& chain_;
  upstream::Upstream& upstream_;
  TargetChoice choice_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Retained retained_{};
  upstream::Target* target_ = nullptr;  // of the next try
  bool on_fresh_connection_ = false;    // of the next try
  size_t unreachable_ = 0;
  uint32_t retries_ = 0;                               // that have been granted
  Milliseconds pause_{0};                              // before a try that an answer's status calls for
  std::optional<upstream::Breaker::Slot> retry_slot_;  // once the request has been sent again
  const EndReason* failure_ = nullptr;
  RelayResult upload_result_;
  std::unique_ptr<Attempt> current_;
  Race* race_ = nullptr;  // while several targets are asked beside each other
};

}  // namespace portcullis::proxy
