#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/percent.h"

namespace portcullis::proxy {

// When a canary is withdrawn because its requests fail. The members have the names of the keys in the
// request.
struct CanaryWithdrawal {
  FineShare errors_above{500};  // the share of responses with a status of 500 or more
  uint64_t min_requests = 50;   // with fewer requests the canary is not judged

  bool operator==(const CanaryWithdrawal&) const = default;
};

// Which requests a canary serves, for how long, and what becomes of it.
struct CanaryRules {
  FineShare share{};
  std::string by = "client";  // `client`, `consumer`, or a text with variables
  // Node by node: so many more nodes of a cluster serve the canary after each `for_time`, and each of them
  // with all of its requests. 0: all nodes serve the same share.
  uint64_t nodes = 0;
  std::chrono::milliseconds for_time{0};
  bool promote = false;  // what happens in the end: promoted, or else withdrawn
  CanaryWithdrawal withdraw_when{};

  bool operator==(const CanaryRules&) const = default;
};

}  // namespace portcullis::proxy
