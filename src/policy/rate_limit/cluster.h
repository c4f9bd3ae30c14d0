#pragma once

#include <memory>
#include <vector>

#include "config/model.h"
#include "limits/cluster_limits.h"
#include "policy/engine.h"
#include "policy/services.h"
#include "policy/side_work.h"
#include "redis/client.h"

namespace portcullis::policy::rate_limit {

// The limits that nodes share. Each worker has its own connections to the Redis servers, and its own leases.
class Cluster final : public Engine {
 public:
  using Settings = redis::Settings;  // without a server of() must not be used
  // For Kind::with_engine().
  static Status start(const config::Config& config, Services& services) {
    services.get<Cluster>(config::settings_of(config.redis));
    return {};
  }
  Cluster(const EngineContext& context, const Settings& settings)
      : shared_(settings), pool_(context.services.get<SideWork>().pool()), nodes_(context.workers) {
    add_metrics(context.metrics);
  }

  // The limits of a worker. Called on the thread of that worker, whose loop is `loop`.
  limits::ClusterLimits& of(size_t worker, EventLoop& loop) {
    std::unique_ptr<Node>& mine = nodes_[worker];
    if (!mine) mine = std::make_unique<Node>(loop, pool_, shared_);
    return mine->limits;
  }
  void stop() override { nodes_.clear(); }

 private:
  struct Node {
    Node(EventLoop& loop, SidePool& pool, redis::Shared& shared) : client(loop, &pool, shared) {}
    redis::Client client;
    limits::ClusterLimits limits{client};
  };
  void add_metrics(telemetry::MetricSet& metrics) {
    const redis::Counts& counts = shared_.counts;
    metrics.gauge("redis_connections", "Connections to Redis servers that are in use for rate limits.", {},
                  [&counts] { return static_cast<double>(counts.connections.load()); });
    metrics.counter("redis_connects_total", "Connections to Redis servers that were made and could be used.",
                    {}, [&counts] { return static_cast<double>(counts.connects.load()); });
    metrics.counter("redis_redirections_total",
                    "Answers of a Redis Cluster's node that another node has the keys (MOVED, ASK).", {},
                    [&counts] { return static_cast<double>(counts.redirections.load()); });
    metrics.counter("redis_failovers_total", "Changes of the primary that Redis Sentinels have named.", {},
                    [&counts] { return static_cast<double>(counts.failovers.load()); });
  }

  redis::Shared shared_;
  SidePool& pool_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace portcullis::policy::rate_limit
