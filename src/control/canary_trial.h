#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "proxy/canary_rules.h"
#include "runtime/event_loop.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

// The requests that a revision has served.
struct CanaryCounts {
  uint64_t requests = 0;
  uint64_t errors = 0;    // responses with a status of 500 or more
  uint64_t duration = 0;  // of all requests together, in microseconds

  // The sum over the workers.
  static CanaryCounts of(const telemetry::RevisionShards& shards);
  CanaryCounts operator-(const CanaryCounts& before) const {
    return {requests - before.requests, errors - before.errors, duration - before.duration};
  }
  CanaryCounts& operator+=(const CanaryCounts& more) {
    requests += more.requests;
    errors += more.errors;
    duration += more.duration;
    return *this;
  }
};

// The requests since a canary has begun: those that it has served, and the others.
struct CanaryTally {
  CanaryCounts canary{};
  CanaryCounts base{};
};

// When a canary that has begun at this time of day has begun; not in the future.
Clock::time_point began_at(std::chrono::system_clock::time_point since);

// Applies the rules of a canary to its counters and to the time. A plain value; any thread.
class CanaryTrial {
 public:
  CanaryTrial(proxy::CanaryRules rules, Clock::time_point began) : rules_(std::move(rules)), began_(began) {}

  struct Verdict {
    enum class Step { kGoesOn, kPromoted, kWithdrawn };
    Step step = Step::kGoesOn;
    std::string reason{};  // why the canary ends, as a phrase
  };
  // Why a canary with these counts is to be withdrawn, as a phrase; nothing when it is not.
  std::optional<std::string> fault(const CanaryCounts& canary) const;
  // The rule about errors comes before the end of the time.
  Verdict judge(const CanaryCounts& canary, Clock::time_point now) const;
  // The time until the canary ends by itself; not negative.
  Milliseconds left(Clock::time_point now) const;
  const proxy::CanaryRules& rules() const { return rules_; }

 private:
  proxy::CanaryRules rules_;
  Clock::time_point began_;
};

}  // namespace portcullis::control
