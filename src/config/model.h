#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/admin.h"
#include "config/assertions.h"
#include "config/cache.h"
#include "config/consumer.h"
#include "config/diagnostics.h"
#include "config/errors.h"
#include "config/listener.h"
#include "config/logging.h"
#include "config/node.h"
#include "config/node_settings.h"
#include "config/policy_set.h"
#include "config/quotas.h"
#include "config/route.h"
#include "config/shared_list.h"
#include "config/store.h"
#include "config/upstream.h"
#include "upstream/dns.h"

// The configuration as plain values, with defaults filled in; each value has been checked but not compiled.
// config/schema_model.cpp describes every field for the loader, the JSON Schema and the reference.
namespace portcullis::config {

using std::chrono::milliseconds;

using upstream::Dns;

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

// The request heads that are kept for rehearsals of changes.
struct Recorder {
  bool enabled = true;
  uint64_t requests = 10'000;
  uint64_t memory = 16 << 20;
};

struct Config {
  Location location;
  uint64_t version = 1;
  uint64_t workers = 0;
  std::string zone;  // the location of this node
  Node node;
  Admin admin;
  Store store;
  AccessLog access_log;
  AuditLog audit_log;
  ProcessLog process_log;
  Tracing tracing;
  std::string revision_header;  // empty: no field
  milliseconds drain_timeout{30'000};
  Dns dns;
  SharedList<Listener> listeners;
  SharedList<Upstream> upstreams;
  SharedList<Route> routes;
  PolicyList policies;  // run for every route, before the route's own
  SharedList<PolicySet> policy_sets;
  SharedList<Consumer> consumers;
  Limits limits;
  Cache cache;
  Metrics metrics;
  Overload overload;
  Recorder recorder;
  Redis redis;
  Quotas quotas;
  SharedList<Plan> plans;
  std::vector<Assertion> assertions;
  std::vector<ErrorRule> errors;
  NodeSettings node_settings;  // no key: digests of the settings above that belong to the node
};

}  // namespace portcullis::config
