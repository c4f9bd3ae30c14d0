#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "identity/claims.h"
#include "runtime/event_loop.h"

namespace portcullis::policy {

// What is known of a recorded request while it is rehearsed again. The head of such a request has stand-ins
// in place of credentials. On one thread.
struct Replay {
  // What the credential of the request led to.
  struct Identity {
    std::string consumer{};    // the name; empty when the caller was no configured consumer
    std::string credential{};  // the name of the consumer's credential; may be empty
    std::shared_ptr<const identity::Claims> claims{};  // those that were recorded; null without claims
  };
  // A rate limit that would refuse the request. The request goes on nevertheless.
  struct Refusal {
    std::string policy;  // the name of the policy's kind
    std::string limit;   // the name of the limit
  };

  std::optional<Identity> identity{};  // empty when the request was not authenticated
  Clock::time_point at{};              // when the request came, for the counters of limits
  std::vector<Refusal> refusals{};
};

}  // namespace portcullis::policy
