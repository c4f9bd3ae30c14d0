#include "proxy/next_try.h"

#include <algorithm>

#include "base/text.h"

namespace portcullis::proxy {
namespace {

using Step = NextTry::Step;
using upstream::Retries;

// A random part of the whole pause, so that requests that failed at the same time are not retried at the same
// time.
Milliseconds pause_before(uint32_t retry, const Retries& rules, uint64_t random) {
  const auto whole =
      std::min<int64_t>(rules.backoff.count() << std::min(retry, 20u), rules.max_backoff.count());
  return Milliseconds(static_cast<int64_t>(random % static_cast<uint64_t>(whole + 1)));
}

// Retries after `pause`, where the request, the number of retries, the time and the budget allow that.
NextTry retry_after(Milliseconds pause, const Retries& rules, const TryFacts& facts) {
  if (facts.retries >= rules.attempts || !facts.is_repeatable || pause >= facts.time_left) return {};
  if (!facts.has_budget) return {.note = "retry_budget_spent"};
  return {Step::kRetry, pause};
}

// Retries because of the status of a response.
NextTry retry_for_status(const Retries& rules, const TryFacts& facts) {
  if (facts.status < 200 || !contains(rules.status, facts.status)) return {};
  Milliseconds pause = pause_before(facts.retries, rules, facts.random);
  // A retry does not come earlier than the target's Retry-After permits (RFC 9110 section 10.2.3).
  if (!facts.retry_after.empty()) {
    const auto seconds = parse_decimal(facts.retry_after);
    if (!seconds || *seconds > 3600 || std::chrono::seconds(*seconds) > rules.max_retry_after) return {};
    pause = std::max(pause, Milliseconds(std::chrono::seconds(*seconds)));
  }
  return retry_after(pause, rules, facts);
}

}  // namespace

NextTry decide_next_try(const Retries& rules, const TryFacts& facts) {
  const auto retry = [&] {
    return retry_after(pause_before(facts.retries, rules, facts.random), rules, facts);
  };
  switch (facts.outcome) {
    case TryOutcome::kStaleConnection: return {Step::kSameTarget};
    case TryOutcome::kConnectFailed:
      if (facts.unreachable < facts.targets && facts.time_left.count() > 0) return {Step::kAnotherTarget};
      return {};
    case TryOutcome::kFailed: return rules.retries_on(Retries::On::kReset) ? retry() : NextTry{};
    case TryOutcome::kTimedOut: return rules.retries_on(Retries::On::kTimeout) ? retry() : NextTry{};
    case TryOutcome::kBadAnswer: return retry_for_status(rules, facts);
    case TryOutcome::kAnswered:
    case TryOutcome::kOverloaded:
    case TryOutcome::kNotConverted:
    case TryOutcome::kClientGone: return {};
  }
  return {};
}

NextHedge decide_hedge(const HedgeFacts& facts) {
  if (!facts.is_awaited || !facts.has_target || facts.time_left.count() <= 0) return {};
  if (!facts.has_budget) return {.note = "hedge_budget_spent"};
  return {.begins = true};
}

}  // namespace portcullis::proxy
