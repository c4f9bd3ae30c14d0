#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/faults.h"
#include "cache/store.h"
#include "client/http_client.h"
#include "identity/key_sources.h"
#include "limits/cluster_limits.h"
#include "limits/gate.h"
#include "limits/local_limits.h"
#include "limits/quota_book.h"
#include "policy/cache/metrics.h"
#include "redis/client.h"
#include "runtime/side_pool.h"
#include "telemetry/metric_set.h"

namespace portcullis::policy {

// What policies share and what outlives a reload: engines with threads, connections or counters. Made by the
// control thread before the workers, destroyed after them.
class Services {
 public:
  struct Settings {
    size_t workers = 1;
    size_t counter_bytes = 64 << 20;
    uint64_t cache_bytes = 64 << 20;
    std::unique_ptr<cache::Disk> cache_disk{};          // null: none
    redis::Settings redis{};                            // no address: none
    std::unique_ptr<limits::QuotaStore> quota_store{};  // null: counts are forgotten
    Milliseconds quota_interval{1'000};
  };
  // `control` is the control thread's loop. Throws as start_thread().
  // What they take is told by `metrics`, which are not looked at once this is destroyed. Faults of key sets
  // and of the store of quotas go to `say`, or without it to the process log.
  Services(Settings settings, EventLoop& control, telemetry::MetricSet& metrics, const Say& say = nullptr)
      : workers_(settings.workers),
        redis_(settings.redis),
        redis_report_(settings.redis),
        limits_(settings.counter_bytes),
        cache_(settings.cache_bytes, std::move(settings.cache_disk)),
        key_sources_(control, say ? say : told_as(Fault::kKeySet)),
        quota_store_(std::move(settings.quota_store)),
        quota_interval_(settings.quota_interval),
        say_(say ? say : told_as(Fault::kQuotaStore)) {
    // With a store from the start, so that a thread that a reload cannot start loses no counts.
    if (quota_store_) quotas();
    register_evictions(metrics);
    cache_policy::register_store(metrics, cache_);
  }

  // Ends its threads; while the workers, whose threads have ended, still exist.
  void stop() {
    side_pool_.stop();
    if (conversion_pool_) conversion_pool_->stop();
    cache_.stop();
    clients_.clear();
    clusters_.clear();
    quotas_.reset();
  }

  size_t workers() const { return workers_; }
  // The counters of rate limits, for every snapshot.
  limits::LocalLimits& limits() { return limits_; }
  limits::Gates& gates() { return gates_; }
  // How many copies of requests are on their way to that upstream, for every snapshot. Control thread; the
  // number itself any thread.
  std::atomic<uint32_t>& copies_on_their_way(const std::string& upstream) { return copies_[upstream]; }
  // The responses that are kept, for every snapshot.
  cache::Store& cache() { return cache_; }
  bool has_redis() const { return !redis_.address.empty(); }
  // The worker's own view of the limits that nodes share; on its thread, and only with a server.
  limits::ClusterLimits& cluster_limits(size_t worker, EventLoop& loop) {
    std::unique_ptr<Cluster>& mine = clusters_[worker];
    if (!mine) mine = std::make_unique<Cluster>(loop, side_pool_, redis_, redis_report_);
    return mine->limits;
  }
  // Control thread, while policies are built.
  limits::QuotaBook& quotas() {
    if (!quotas_)
      quotas_ = std::make_unique<limits::QuotaBook>(std::move(quota_store_), quota_interval_, say_);
    return *quotas_;
  }
  // Waits for what the policies just built need before they serve.
  void settle() {
    if (quotas_) quotas_->settle(Milliseconds(1'000));
  }
  // Control thread.
  identity::KeySources& key_sources() { return key_sources_; }
  // The worker's own client, for what it asks others; on its thread.
  client::HttpClient& http_client(size_t worker, EventLoop& loop) {
    std::unique_ptr<client::HttpClient>& mine = clients_[worker];
    if (!mine) mine = std::make_unique<client::HttpClient>(loop);
    return *mine;
  }
  // For work that takes longer than an event loop may wait.
  SidePool& side_pool() { return side_pool_; }
  // The same for what clients make long as they like, such as converting their bodies: it must not keep the
  // work of side_pool() waiting. Control thread, while policies are built; then any thread.
  SidePool& conversion_pool() {
    if (!conversion_pool_) conversion_pool_.emplace((workers_ + 1) / 2, kMaxConversionsWaiting);
    return *conversion_pool_;
  }

 private:
  void register_evictions(telemetry::MetricSet& metrics) {
    using limits::CounterSpace;
    const auto add = [&](const char* counters, CounterSpace space) {
      metrics.counter("rate_limit_evictions_total", "Counters of rate limits given up for want of memory.",
                      {{"counters", counters}},
                      [this, space] { return static_cast<double>(limits_.evictions(space)); });
    };
    add("strangers", CounterSpace::kStrangers);
    add("callers", CounterSpace::kCallers);
    add("nonces", CounterSpace::kNonces);
  }

  static constexpr size_t kSideThreads = 2;
  static constexpr size_t kMaxWaiting = 1024;
  static constexpr size_t kMaxConversionsWaiting = 64;
  struct Cluster {
    Cluster(EventLoop& loop, SidePool& pool, const redis::Settings& settings, redis::ServerReport& report)
        : client(loop, pool, settings, report) {}
    redis::Client client;
    limits::ClusterLimits limits{client};
  };

  size_t workers_;
  redis::Settings redis_;
  redis::ServerReport redis_report_;
  limits::LocalLimits limits_;
  limits::Gates gates_;
  std::map<std::string, std::atomic<uint32_t>> copies_;
  cache::Store cache_;
  identity::KeySources key_sources_;
  std::unique_ptr<limits::QuotaStore> quota_store_;
  Milliseconds quota_interval_;
  const Say say_;
  std::unique_ptr<limits::QuotaBook> quotas_;  // made when first needed
  std::vector<std::unique_ptr<client::HttpClient>> clients_{workers_};
  std::vector<std::unique_ptr<Cluster>> clusters_{workers_};
  SidePool side_pool_{kSideThreads, kMaxWaiting};
  std::optional<SidePool> conversion_pool_;
};

}  // namespace portcullis::policy
