#pragma once

#include "limits/local_limits.h"
#include "policy/engine.h"

namespace portcullis::policy {

// The counters of this node: for rate limits, for failed logins, and for nonces that have been used.
class Counters final : public Engine {
 public:
  struct Settings {
    size_t bytes = 64 << 20;
  };
  // For Kind::with_engine() of each policy that uses the counters.
  static Status start(const config::Config& config, Services& services);
  Counters(const EngineContext& context, const Settings& settings);

  limits::LocalLimits& limits() { return limits_; }

 private:
  limits::LocalLimits limits_;
};

}  // namespace portcullis::policy
