#include "policy/cache/metrics.h"

namespace portcullis::policy::cache {

using engine::StoreState;
using telemetry::MetricCounter;
using telemetry::MetricLabels;
using telemetry::MetricSet;

namespace {

constexpr const char* kRequests = "cache_requests_total";
constexpr const char* kRequestsHelp =
    "Requests that a cache has seen, by route (empty: the cache before all routes) and outcome (hit, stale, "
    "collapsed: answered by the fetch of another request, miss or bypass).";
constexpr const char* kRevalidations = "cache_revalidations_total";
constexpr const char* kRevalidationsHelp =
    "Stored responses that the upstream confirmed as still valid, by route.";
constexpr const char* kWaits = "cache_waits_total";
constexpr const char* kWaitsHelp = "Requests that waited for the fetch of another request, by route.";

MetricCounter requests(MetricSet& metrics, const std::string& route, const char* outcome) {
  return metrics.counter(kRequests, kRequestsHelp, {{"route", route}, {"outcome", outcome}});
}

}  // namespace

CacheCounters::CacheCounters(MetricSet& metrics, const std::string& route)
    : hits(requests(metrics, route, "hit")),
      stale(requests(metrics, route, "stale")),
      collapsed(requests(metrics, route, "collapsed")),
      misses(requests(metrics, route, "miss")),
      bypassed(requests(metrics, route, "bypass")),
      revalidated(metrics.counter(kRevalidations, kRevalidationsHelp, {{"route", route}})),
      waited(metrics.counter(kWaits, kWaitsHelp, {{"route", route}})) {}

void CacheCounters::declare(MetricSet& metrics) {
  metrics.declare(MetricSet::Type::kCounter, kRequests, kRequestsHelp);
  metrics.declare(MetricSet::Type::kCounter, kRevalidations, kRevalidationsHelp);
  metrics.declare(MetricSet::Type::kCounter, kWaits, kWaitsHelp);
}

void register_store(MetricSet& metrics, const engine::Store& store) {
  const auto of = [&store](uint64_t StoreState::*member) {
    return [&store, member] { return static_cast<double>(store.state().*member); };
  };
  metrics.gauge("cache_bytes", "Memory that stored responses take, in bytes.", {}, of(&StoreState::bytes));
  metrics.gauge("cache_limit_bytes", "Memory that stored responses may take, in bytes.", {},
                of(&StoreState::max_bytes));
  metrics.gauge("cache_entries", "Stored responses.", {}, of(&StoreState::entries));
  metrics.gauge("cache_filling_bytes",
                "Memory that responses take while the cache is receiving them, in bytes.", {},
                of(&StoreState::filling_bytes));
  metrics.counter("cache_evictions_total",
                  "Stored responses that were removed because the memory of the cache was full.", {},
                  of(&StoreState::evictions));
  metrics.counter("cache_purged_total",
                  "Stored responses that a purge, or an unsafe request (such as POST) for their URI, removed "
                  "or made stale.",
                  {}, of(&StoreState::purged));
  if (store.state().disk.max_bytes == 0) return;
  using Disk = StoreState::Disk;
  const auto on_disk = [&store](uint64_t Disk::*member) {
    return [&store, member] { return static_cast<double>(store.state().disk.*member); };
  };
  metrics.gauge("cache_disk_bytes", "Disk space that the bodies of stored responses take, in bytes.", {},
                on_disk(&Disk::bytes));
  metrics.gauge("cache_disk_limit_bytes",
                "Disk space that the bodies of stored responses may take, in bytes.", {},
                on_disk(&Disk::max_bytes));
  metrics.gauge("cache_disk_entries", "Stored responses whose body is on disk.", {}, on_disk(&Disk::entries));
  metrics.counter("cache_disk_evictions_total",
                  "Bodies that were removed from the disk because the disk space of the cache was full.", {},
                  on_disk(&Disk::evictions));
  constexpr const char* kMoved =
      "Bytes of bodies that the cache has read from its disk or written to it, by direction (read or write).";
  metrics.counter("cache_disk_transferred_bytes_total", kMoved, {{"direction", "read"}},
                  on_disk(&Disk::read_bytes));
  metrics.counter("cache_disk_transferred_bytes_total", kMoved, {{"direction", "write"}},
                  on_disk(&Disk::written_bytes));
  metrics.counter("cache_disk_restored_total",
                  "Stored responses that the gateway found on the disk when it started.", {},
                  on_disk(&Disk::restored));
  constexpr const char* kLost =
      "Stored responses that the disk cache lost, by why (damaged: the content of the file had changed; "
      "write_failed: the file could not be written).";
  metrics.counter("cache_disk_lost_total", kLost, {{"why", "damaged"}}, on_disk(&Disk::damaged));
  metrics.counter("cache_disk_lost_total", kLost, {{"why", "write_failed"}}, on_disk(&Disk::failed));
}

}  // namespace portcullis::policy::cache
