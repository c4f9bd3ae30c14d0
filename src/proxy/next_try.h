#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/attempt.h"
#include "upstream/definition.h"

namespace portcullis::proxy {

// What is known when a try has ended without a response for the client, or with one that may be dropped.
struct TryFacts {
  TryOutcome outcome = TryOutcome::kFailed;
  bool is_repeatable = false;  // the request can be sent again whole, and nothing forbids it
  uint32_t retries = 0;        // that have been granted before
  size_t unreachable = 0;      // targets to which no connection could be made, with this one
  size_t targets = 0;          // of the upstream
  Milliseconds time_left{0};   // for the head of a response; Milliseconds::max() without a deadline
  uint64_t random = 0;
};

// What an exchange does next.
struct NextTry {
  enum class Step : uint8_t {
    kGiveUp,
    kSameTarget,     // on a new connection
    kAnotherTarget,  // the request has not been sent: another target costs nothing
    kRetry,          // after `pause`, if the budget of retries allows one more
  };
  Step step = Step::kGiveUp;
  Milliseconds pause{0};

  bool operator==(const NextTry&) const = default;
};

// Whether and whom to ask next. A pure function: budgets and circuit breakers are asked afterwards.
NextTry decide_next_try(const upstream::Retries& rules, const TryFacts& facts);

// The pause after which a request is sent again because its answer has this status; nothing where the answer
// is passed on. `retry_after`: the answer's field, may be empty.
std::optional<Milliseconds> pause_for_status(const upstream::Retries& rules, const TryFacts& facts,
                                             uint16_t status, std::string_view retry_after);

}  // namespace portcullis::proxy
