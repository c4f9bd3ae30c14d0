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

// The limits that nodes share. Each worker has its own connection to the Redis server, and its own leases.
class Cluster final : public Engine {
 public:
  using Settings = redis::Settings;  // without an address there is no server, and of() must not be used
  // For Kind::with_engine().
  static Status start(const config::Config& config, Services& services) {
    services.get<Cluster>(config.redis);
    return {};
  }
  Cluster(const EngineContext& context, const Settings& settings)
      : settings_(settings),
        report_(settings),
        pool_(context.services.get<SideWork>().pool()),
        nodes_(context.workers) {}

  // The limits of a worker. Called on the thread of that worker, whose loop is `loop`.
  limits::ClusterLimits& of(size_t worker, EventLoop& loop) {
    std::unique_ptr<Node>& mine = nodes_[worker];
    if (!mine) mine = std::make_unique<Node>(loop, pool_, settings_, report_);
    return mine->limits;
  }
  void stop() override { nodes_.clear(); }

 private:
  struct Node {
    Node(EventLoop& loop, SidePool& pool, const redis::Settings& settings, redis::ServerReport& report)
        : client(loop, pool, settings, report) {}
    redis::Client client;
    limits::ClusterLimits limits{client};
  };

  const redis::Settings settings_;
  redis::ServerReport report_;
  SidePool& pool_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace portcullis::policy::rate_limit
