#include "policy/cache/metrics.h"

namespace portcullis::policy::cache_policy {

using cache::StoreState;
using telemetry::MetricCounter;
using telemetry::MetricLabels;
using telemetry::MetricSet;

namespace {

constexpr const char* kRequests = "cache_requests_total";
constexpr const char* kRequestsHelp = "Requests that a cache has seen, by route and outcome.";
constexpr const char* kRevalidations = "cache_revalidations_total";
constexpr const char* kRevalidationsHelp = "Stored responses that the upstream said are still good.";
constexpr const char* kWaits = "cache_waits_total";
constexpr const char* kWaitsHelp = "Requests that waited for another's fetch.";

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

void register_store(MetricSet& metrics, const cache::Store& store) {
  const auto of = [&store](uint64_t StoreState::*member) {
    return [&store, member] { return static_cast<double>(store.state().*member); };
  };
  metrics.gauge("cache_bytes", "What the stored responses take.", {}, of(&StoreState::bytes));
  metrics.gauge("cache_limit_bytes", "What they may take.", {}, of(&StoreState::most_bytes));
  metrics.gauge("cache_entries", "How many there are.", {}, of(&StoreState::entries));
  metrics.gauge("cache_filling_bytes", "What those take that are being received.", {},
                of(&StoreState::filling_bytes));
  metrics.counter("cache_evictions_total", "Stored responses given up for want of room.", {},
                  of(&StoreState::evictions));
  metrics.counter("cache_purged_total", "Stored responses purged, or ended by an unsafe request.", {},
                  of(&StoreState::purged));
  if (store.state().disk.most_bytes == 0) return;
  using Disk = StoreState::Disk;
  const auto on_disk = [&store](uint64_t Disk::*member) {
    return [&store, member] { return static_cast<double>(store.state().disk.*member); };
  };
  metrics.gauge("cache_disk_bytes", "What the bodies on disk take.", {}, on_disk(&Disk::bytes));
  metrics.gauge("cache_disk_limit_bytes", "What they may take.", {}, on_disk(&Disk::most_bytes));
  metrics.gauge("cache_disk_entries", "How many there are.", {}, on_disk(&Disk::entries));
  metrics.counter("cache_disk_evictions_total", "Bodies on disk given up for want of room.", {},
                  on_disk(&Disk::evictions));
  constexpr const char* kMoved = "Bytes of bodies read from disk, and written.";
  metrics.counter("cache_disk_transferred_bytes_total", kMoved, {{"direction", "read"}},
                  on_disk(&Disk::read_bytes));
  metrics.counter("cache_disk_transferred_bytes_total", kMoved, {{"direction", "write"}},
                  on_disk(&Disk::written_bytes));
  metrics.counter("cache_disk_restored_total", "Objects found on disk at the start.", {},
                  on_disk(&Disk::restored));
  constexpr const char* kLost = "Objects whose file was of no use, by why.";
  metrics.counter("cache_disk_lost_total", kLost, {{"why", "damaged"}}, on_disk(&Disk::damaged));
  metrics.counter("cache_disk_lost_total", kLost, {{"why", "write_failed"}}, on_disk(&Disk::failed));
}

}  // namespace portcullis::policy::cache_policy
