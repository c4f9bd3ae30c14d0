#pragma once

#include "limits/local_limits.h"
#include "policy/engine.h"

namespace portcullis::policy {

// The counters of this node: of rate limits, of failed logins, and of the nonces that were seen.
class Counters final : public Engine {
 public:
  struct Settings {
    size_t bytes = 64 << 20;
  };
  Counters(const EngineContext& context, const Settings& settings);

  limits::LocalLimits& limits() { return limits_; }

 private:
  limits::LocalLimits limits_;
};

}  // namespace portcullis::policy
