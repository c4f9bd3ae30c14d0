#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/attempt.h"
#include "upstream/definition.h"

namespace portcullis::proxy {

// The facts about a try that has ended without a response, or with a response that may be dropped.
struct TryFacts {
  TryOutcome outcome = TryOutcome::kFailed;
  bool is_repeatable = false;  // the whole request can be sent again, and no rule forbids that
  uint32_t retries = 0;        // the number of earlier retries
  size_t unreachable = 0;      // the number of failed connects, including the one of this try
  size_t targets = 0;          // the number of the upstream's targets
  Milliseconds time_left{0};   // the time left for a response's head; Milliseconds::max() without a deadline
  uint64_t random = 0;
};

// What an exchange does after a try.
struct NextTry {
  enum class Step : uint8_t {
    kGiveUp,
    kSameTarget,     // on a new connection
    kAnotherTarget,  // at once and without the retry budget, because the request has not been sent
    kRetry,          // after `pause`, if the retry budget allows one more retry
  };
  Step step = Step::kGiveUp;
  Milliseconds pause{0};

  bool operator==(const NextTry&) const = default;
};

// Decides whether another try follows, and to which target. A pure function: the caller checks the budgets
// and the circuit breaker afterwards.
NextTry decide_next_try(const upstream::Retries& rules, const TryFacts& facts);

// The pause before a request is sent again because the response has this status; nothing when the response is
// passed on. `retry_after` is the value of the Retry-After field; may be empty.
std::optional<Milliseconds> pause_for_status(const upstream::Retries& rules, const TryFacts& facts,
                                             uint16_t status, std::string_view retry_after);

}  // namespace portcullis::proxy
