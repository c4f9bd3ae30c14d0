// When an exchange asks again: what may be repeated, what the budget allows, and after which pause.

#include <algorithm>

#include "base/text.h"
#include "http/method.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {

using http::BodyKind;

namespace {

// Anything up to the whole pause, so that those who failed together do not come back together.
Milliseconds pause_before(unsigned retry, const upstream::Retries& rules, uint64_t random) {
  const auto whole =
      std::min<int64_t>(rules.pause.count() << std::min(retry, 20u), rules.longest_pause.count());
  return Milliseconds(static_cast<int64_t>(random % static_cast<uint64_t>(whole + 1)));
}

}  // namespace

bool Exchange::idempotent() const {
  return context_.idempotent || http::is_idempotent(request_.method);
}

// Safe to send twice: it is idempotent, and there is no body to replay.
bool Exchange::may_repeat() const {
  return request_.body.kind == BodyKind::kNone && idempotent();
}

// The same for requests whose route says so, or whose body is still here.
bool Exchange::may_retry() const {
  // The policies see one response only.
  const bool policies_are_done = policies_run_ < policies_begun_;
  if (answered_ || policies_are_done || request_.wants_upgrade) return false;
  if (request_.body.kind != BodyKind::kNone && !held_body_.held()) return false;
  return route_->idempotent || idempotent();
}

Milliseconds Exchange::time_left() const {
  if (deadline_ == Clock::time_point::max()) return Milliseconds::max();
  return time_until(deadline_, worker_.loop());
}

// Takes the whole of a small body into memory before the first try, so that there can be a second. False when
// the client has been answered, or is gone.
Task<bool> Exchange::hold_for_retries(const upstream::UpstreamDefinition& upstream) {
  const http::BodyFraming& body = request_.body;
  // Of unknown length: it streams, and is sent once.
  if (!body.has_length() || body.length > upstream.retries.body_size || held_body_.held()) co_return true;
  held_body_.begin_at(head_size_);
  const policy::BodyState state = co_await held_body_.hold(upstream.retries.body_size);
  switch (state) {
    case policy::BodyState::kHeld: co_return true;
    case policy::BodyState::kTimedOut: co_await refuse(kEnds.body_timeout); co_return false;
    default: close_client_ = true; co_return false;
  }
}

// One more try after `outcome`, and the pause before it.
bool Exchange::grant_retry(upstream::Upstream& upstream, TryOutcome outcome) {
  const upstream::Retries& rules = upstream.definition().retries;
  if (retries_ >= rules.attempts || !may_retry()) return false;
  if (outcome == TryOutcome::kTimedOut ? !rules.on_timeout : !rules.on_reset) return false;
  return pay_for_retry(upstream, pause_before(retries_, rules, upstream.random()));
}

// The right to send the request once more, by the budget and the circuit breaker.
bool Exchange::take_retry(upstream::Upstream& upstream, upstream::RetryBudget& budget,
                          std::string_view spent) {
  if (!budget.take(worker_.loop().now())) {
    context_.note = spent;
    return false;
  }
  if (!retry_slot_) retry_slot_ = upstream.take(upstream::Load::kRetries);
  if (retry_slot_) return true;
  context_.note = "breaker_retries";
  return false;
}

bool Exchange::pay_for_retry(upstream::Upstream& upstream, Milliseconds pause) {
  if (pause >= time_left() || !take_retry(upstream, upstream.retry_budget(), "retry_budget_spent"))
    return false;
  retry_pause_ = pause;
  ++retries_;
  return true;
}

// Whether the answer in hand is dropped for another try.
bool Exchange::wants_another(upstream::Upstream& upstream) {
  const upstream::Retries& rules = upstream.definition().retries;
  if (retries_ >= rules.attempts || response_.status < 200) return false;
  if (!std::binary_search(rules.statuses.begin(), rules.statuses.end(), response_.status)) return false;
  if (!may_retry()) return false;
  Milliseconds pause = pause_before(retries_, rules, upstream.random());
  // Who says when to come again is not asked before (RFC 9110 section 10.2.3).
  if (const std::string_view told = response_.fields.value_of("retry-after"); !told.empty()) {
    const auto seconds = parse_decimal(told);
    if (!seconds || *seconds > 3600 || std::chrono::seconds(*seconds) > rules.longest_retry_after)
      return false;
    pause = std::max(pause, Milliseconds(std::chrono::seconds(*seconds)));
  }
  return pay_for_retry(upstream, pause);
}

}  // namespace portcullis::proxy
