#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/admin.h"
#include "config/cache.h"
#include "config/consumer.h"
#include "config/diagnostics.h"
#include "config/listener.h"
#include "config/logging.h"
#include "config/policy_type.h"
#include "config/shared_list.h"
#include "config/split.h"
#include "config/upstream.h"
#include "redis/settings.h"
#include "routing/match.h"
#include "upstream/dns.h"

// The configuration as plain values, with defaults filled in; each value has been checked but not compiled.
// config/schema_model.cpp describes every field for the loader, the JSON Schema and the reference.
namespace portcullis::config {

using std::chrono::milliseconds;

using routing::Predicate;
using upstream::Dns;
using Redis = redis::Settings;

struct Match : routing::Match {
  Location listeners_location;
};

struct Rewrite {
  std::string strip_prefix;
  std::string path;
  Location path_location;
  std::string host;
};

struct Route {
  Location location;
  std::string name;
  Match match;
  Rewrite rewrite;
  std::vector<PolicyUse> policies;
  std::string upstream;  // empty when a policy answers
  Location upstream_location;
  TextMap subset;             // of the upstream's targets; empty: all
  std::vector<Branch> split;  // instead of an upstream
  SplitSticky split_sticky;
  bool idempotent = false;
  std::vector<std::string> upgrades{"websocket"};
};

// The persistent place of the counts of quotas.
struct Quotas {
  Location location;
  std::string file;
  bool redis = false;
  milliseconds interval{1'000};
};

// A rule that the loader checks: each matching route must have these policies.
struct Assertion {
  Location location;
  std::string path_prefix;
  std::vector<std::string> hosts;
  std::vector<std::string> methods;
  std::vector<std::string> except;
  std::vector<std::string> requires_all;
  std::vector<std::string> requires_any;
};

struct Limits {
  uint64_t memory = 64 << 20;
};

// Max number of series of each kind in the metrics.
struct Metrics {
  uint64_t consumers = 1000;
  uint64_t targets = 1000;
};

// Thresholds at which the gateway sheds load.
struct Overload {
  bool enabled = true;
  uint64_t memory = 0;  // 0: the container's limit
  milliseconds lag{500};
};

struct Config {
  Location location;
  uint64_t version = 1;
  uint64_t workers = 0;
  std::string zone;  // the location of this node
  Admin admin;
  AccessLog access_log;
  AuditLog audit_log;
  ProcessLog process_log;
  Tracing tracing;
  milliseconds drain_timeout{30'000};
  Dns dns;
  std::vector<Listener> listeners;
  std::vector<Upstream> upstreams;
  SharedList<Route> routes;
  std::vector<PolicyUse> policies;  // run for every route, before the route's own
  std::vector<Consumer> consumers;
  Limits limits;
  Cache cache;
  Metrics metrics;
  Overload overload;
  Redis redis;
  Quotas quotas;
  std::vector<Plan> plans;
  std::vector<Assertion> assertions;
};

}  // namespace portcullis::config
