#pragma once

#include <string>

#include "cache/store.h"
#include "telemetry/metric_set.h"

namespace portcullis::policy::cache_policy {

// What the cache of a route did with its requests.
struct CacheCounters {
  // `route`: its name; empty for the cache before every route.
  CacheCounters(telemetry::MetricSet& metrics, const std::string& route);

  // For Kind::with_metrics().
  static void declare(telemetry::MetricSet& metrics);

  telemetry::MetricCounter hits;
  telemetry::MetricCounter stale;
  telemetry::MetricCounter collapsed;    // answered by the fetch of another request
  telemetry::MetricCounter misses;       // sent to the upstream
  telemetry::MetricCounter bypassed;     // the cache has nothing to do with these requests
  telemetry::MetricCounter revalidated;  // of the misses: the upstream said that the stored response is good
  telemetry::MetricCounter waited;       // for the fetch of another request, however that ended
};

// Registers what the store of all caches takes.
void register_store(telemetry::MetricSet& metrics, const cache::Store& store);

}  // namespace portcullis::policy::cache_policy
