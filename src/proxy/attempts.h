#pragma once

#include <memory>
#include <optional>

#include "proxy/attempt.h"
#include "proxy/next_try.h"
#include "proxy/policy_chain.h"
#include "proxy/target_choice.h"

namespace portcullis::proxy {

// The tries of one exchange. Decides which target is asked, and whether another try follows. Tries run one
// after the other; the tries of a hedged request run at the same time.
class Attempts {
 public:
  // Both references outlive this object. The branch of the request must be set, because its upstream is
  // asked.
  Attempts(ExchangeState& state, const PolicyChain& chain);
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;
  ~Attempts();

  // Counts the request in the budgets, and sets the deadline for its response.
  void begin();
  // True when the request may be sent more than once, so that its body must be held in memory.
  bool wants_body_held() const;

  // Chooses the target of the next try. False when there is no target.
  bool choose();
  // Asks the chosen target, and its hedges if there are any. kAnswered when a first head, interim or final,
  // has arrived: the head is then in ExchangeState::response, and current() is the try that received the
  // head.
  Task<TryOutcome> ask();
  // Watches the client until ClientWatch::end(). When the client leaves, `give_up` is called; without a
  // `give_up`, all waits for the targets end.
  void watch(ClientWatch::GiveUp give_up = {});
  Attempt& current() { return *current_; }
  // Call this when the head of the final response is in ExchangeState::response. False when the response is
  // dropped because the request is sent again.
  bool takes_final_head();
  // The Set-Cookie value that names the target for the client; may be empty.
  std::string_view cookie() const { return choice_.cookie_for(current_->target()); }

  // Ends the current try with `outcome`. Returns kClientGone when the client has left and there is no answer,
  // otherwise `outcome`.
  TryOutcome end_try(TryOutcome outcome);
  // Decides what follows a try that has ended with `outcome`. A retry is charged to the retry budget.
  [[gnu::cold]] NextTry next(TryOutcome outcome);

  // Why the last failed try has failed; kEnds.upstream_failed when the reason is not known.
  [[gnu::cold]] const EndReason& failure() const;
  // True when the time for all tries together was over before the client could get the head of a response.
  [[gnu::cold]] bool ended_by_total_timeout() const;
  // How the sending of the request's body has ended in the last try that sent anything.
  const http::RelayResult& upload_result() const { return upload_result_; }
  Milliseconds time_left() const { return time_left_until(deadline_.at, state_.worker.loop()); }

 private:
  class Race;
  bool may_send_again() const;
  bool may_hedge() const;
  [[gnu::cold]] bool take_retry(upstream::RetryBudget& budget);
  TryFacts facts(TryOutcome outcome) const;
  [[gnu::cold]] NextTry decide(const TryFacts& facts);
  std::unique_ptr<Attempt> make_attempt(upstream::Target& target);
  void cancel();
  Task<TryOutcome> ask_connected();
  [[gnu::cold]] Task<TryOutcome> connect_and_ask();
  [[gnu::cold]] Task<TryOutcome> race();

  ExchangeState& state_;
  const PolicyChain& chain_;
  upstream::Upstream& upstream_;
  TargetChoice choice_;
  ResponseDeadline deadline_{};
  Retained retained_{};
  upstream::Target* target_ = nullptr;  // the target of the next try
  bool on_fresh_connection_ = false;    // the next try makes a new connection
  size_t unreachable_ = 0;
  uint32_t retries_ = 0;  // the number of retries so far
  NextTry after_status_;  // the next try, when the last response has been dropped for its status
  std::optional<upstream::Breaker::Slot> retry_slot_;  // set when the request is sent again
  const EndReason* failure_ = nullptr;
  http::RelayResult upload_result_;
  std::unique_ptr<Attempt> current_;
  Race* race_ = nullptr;  // set while several targets are asked at the same time
};

}  // namespace portcullis::proxy
