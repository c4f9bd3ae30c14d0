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

NextTry retry_after_pause(const Retries& rules, const TryFacts& facts) {
  if (facts.retries >= rules.attempts || !facts.is_repeatable) return {};
  const bool timed_out = facts.outcome == TryOutcome::kTimedOut;
  if (!rules.retries_on(timed_out ? Retries::On::kTimeout : Retries::On::kReset)) return {};
  const Milliseconds pause = pause_before(facts.retries, rules, facts.random);
  if (pause >= facts.time_left) return {};
  return {Step::kRetry, pause};
}

}  // namespace

NextTry decide_next_try(const Retries& rules, const TryFacts& facts) {
  switch (facts.outcome) {
    case TryOutcome::kStaleConnection: return {Step::kSameTarget};
    case TryOutcome::kConnectFailed:
      if (facts.unreachable < facts.targets && facts.time_left.count() > 0) return {Step::kAnotherTarget};
      return {};
    case TryOutcome::kFailed:
    case TryOutcome::kTimedOut: return retry_after_pause(rules, facts);
    case TryOutcome::kAnswered:
    case TryOutcome::kBadAnswer:
    case TryOutcome::kOverloaded:
    case TryOutcome::kNotConverted:
    case TryOutcome::kClientGone: return {};
  }
  return {};
}

std::optional<Milliseconds> pause_for_status(const Retries& rules, const TryFacts& facts, uint16_t status,
                                             std::string_view retry_after) {
  if (facts.retries >= rules.attempts || status < 200 || !facts.is_repeatable) return std::nullopt;
  if (!contains(rules.status, status)) return std::nullopt;
  Milliseconds pause = pause_before(facts.retries, rules, facts.random);
  // A retry does not come earlier than the target's Retry-After permits (RFC 9110 section 10.2.3).
  if (!retry_after.empty()) {
    const auto seconds = parse_decimal(retry_after);
    if (!seconds || *seconds > 3600 || std::chrono::seconds(*seconds) > rules.max_retry_after)
      return std::nullopt;
    pause = std::max(pause, Milliseconds(std::chrono::seconds(*seconds)));
  }
  return pause < facts.time_left ? std::optional(pause) : std::nullopt;
}

}  // namespace portcullis::proxy
