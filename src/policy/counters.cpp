#include "policy/counters.h"

#include "config/model.h"
#include "policy/services.h"

namespace portcullis::policy {

Status Counters::start(const config::Config& config, Services& services) {
  services.get<Counters>({.bytes = config.limits.memory});
  return {};
}

Counters::Counters(const EngineContext& context, const Settings& settings) : limits_(settings.bytes) {
  using limits::CounterSpace;
  const auto add = [&](const char* counters, CounterSpace space) {
    context.metrics.counter("rate_limit_evictions_total",
                            "Counters that were removed because limits.memory was full, by their kind "
                            "(strangers: keys that unauthenticated clients can choose; callers: keys of "
                            "authenticated callers and of the configuration; nonces: of hmac_auth).",
                            {{"counters", counters}},
                            [this, space] { return static_cast<double>(limits_.evictions(space)); });
  };
  add("strangers", CounterSpace::kStrangers);
  add("callers", CounterSpace::kCallers);
  add("nonces", CounterSpace::kNonces);
}

}  // namespace portcullis::policy
