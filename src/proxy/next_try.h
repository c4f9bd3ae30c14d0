#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/attempt.h"
#include "upstream/definition.h"

namespace portcullis::proxy {

// The facts about a try that has ended without a response, or with a response that may be dropped.
struct TryFacts {
  TryOutcome outcome = TryOutcome::kFailed;
  bool is_repeatable = false;  // the whole request can be sent again, and no rule forbids that
  bool has_budget = true;      // the upstream's retry budget allows one more retry
  uint32_t retries = 0;        // the number of earlier retries
  size_t unreachable = 0;      // the number of failed connects, including the one of this try
  size_t targets = 0;          // the number of the upstream's targets
  Milliseconds time_left{0};   // the time left for a response's head; Milliseconds::max() without a deadline
  uint64_t random = 0;
  uint16_t status = 0;                // for kBadAnswer: the status of the response
  std::string_view retry_after = {};  // for kBadAnswer: the value of the Retry-After field; may be empty
};

// What an exchange does after a try.
struct NextTry {
  enum class Step : uint8_t {
    kGiveUp,         // no further try; a response with a status is passed on
    kSameTarget,     // on a new connection
    kAnotherTarget,  // at once and without the retry budget, because the request has not been sent
    kRetry,          // after `pause`; charged to the retry budget
  };
  Step step = Step::kGiveUp;
  Milliseconds pause{0};
  std::string_view
      note{};  // for the log: what prevents a retry that the rules permit; empty when nothing does

  bool operator==(const NextTry&) const = default;
};

// Decides whether another try follows, and to which target. A pure function. The circuit breaker, whose
// limits all workers share, is asked afterwards.
NextTry decide_next_try(const upstream::Retries& rules, const TryFacts& facts);

// The facts when the delay of a hedge is over.
struct HedgeFacts {
  bool is_awaited = false;    // the first target is still silent, no hedge has won, and the client is there
  bool has_target = false;    // there is a target that has not been asked
  bool has_budget = false;    // the upstream's budget for hedges allows one more
  Milliseconds time_left{0};  // as in TryFacts
};

// Whether a hedge begins.
struct NextHedge {
  bool begins = false;
  std::string_view note{};  // as in NextTry

  bool operator==(const NextHedge&) const = default;
};

// Decides whether a hedge begins. A pure function; the circuit breaker is asked afterwards.
NextHedge decide_hedge(const HedgeFacts& facts);

}  // namespace portcullis::proxy
