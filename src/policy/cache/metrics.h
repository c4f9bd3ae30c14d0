#pragma once

#include <string>

#include "cache/store.h"
#include "policy/cache/engine.h"
#include "telemetry/metric_set.h"

namespace portcullis::policy::cache {

// How the cache of a route handled requests.
struct CacheCounters {
  // `route` is the name of the route; empty for the cache in front of all routes.
  CacheCounters(telemetry::MetricSet& metrics, const std::string& route);

  // For Kind::with_metrics().
  static void declare(telemetry::MetricSet& metrics);

  telemetry::MetricCounter hits;
  telemetry::MetricCounter stale;
  telemetry::MetricCounter collapsed;    // answered by the fetch of another request
  telemetry::MetricCounter misses;       // sent to the upstream
  telemetry::MetricCounter bypassed;     // requests that the cache does not handle
  telemetry::MetricCounter revalidated;  // misses for which the upstream confirmed the stored response
  telemetry::MetricCounter waited;       // waited for the fetch of another request, whatever its result
};

// Registers the memory and disk use of the store that all caches share.
void register_store(telemetry::MetricSet& metrics, const engine::Store& store);

}  // namespace portcullis::policy::cache
