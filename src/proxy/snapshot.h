#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "http/field_names.h"
#include "http/h1/head_parser.h"
#include "http/h2/session.h"
#include "http/path.h"
#include "policy/policy.h"
#include "proxy/address_counts.h"
#include "proxy/forwarding.h"
#include "proxy/half_close.h"
#include "proxy/split.h"
#include "routing/rewrite.h"
#include "routing/route_table.h"
#include "runtime/address.h"
#include "runtime/side_pool.h"
#include "runtime/socket_file.h"
#include "runtime/tcp_keepalive.h"
#include "telemetry/log_format.h"
#include "telemetry/metrics.h"
#include "telemetry/trace_context.h"
#include "tls/server_context.h"
#include "upstream/discovery.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

struct Http2Settings {
  bool enabled = true;
  http::h2::SessionSettings session{};
};

struct ListenerSettings {
  std::string name;
  SocketAddress address;
  std::string address_text{};  // by which routes name it
  SocketFileRights rights{};   // of a Unix socket's file
  http::h1::HeadLimits head_limits{};
  Http2Settings http2{};
  ForwardingRules forwarding{};
  http::FieldNames request_trailers{};   // that are passed on to targets
  http::FieldNames response_trailers{};  // that are passed on to clients
  http::PathRules path_rules{};
  uint64_t body_size = 0;                           // 0: no limit
  uint64_t connections = 0;                         // of all workers together; 0: no limit
  uint64_t connections_per_address = 0;             // of all workers together; 0: no limit
  std::shared_ptr<AddressCounts> address_counts{};  // of all listeners
  size_t send_buffer = Block::kBody;              // of a response that a client does not take, by connection
  telemetry::ListenerMetrics* metrics = nullptr;  // outlives the snapshot
  Milliseconds head_timeout{10'000};
  Milliseconds body_timeout{60'000};
  Milliseconds send_timeout{60'000};
  Milliseconds idle_timeout{75'000};
  TcpKeepalive keepalive{};
  std::shared_ptr<const tls::ServerContext> tls{};  // null: plain HTTP
  std::string hsts{};                               // Strict-Transport-Security; empty: none
  bool forward_client_certificate = false;
  HalfClose half_close = HalfClose::kLeaves;
  std::vector<IpRange> proxy_protocol{};  // who begins connections with a PROXY header
  uint16_t https_port = 0;                // that requests without TLS are redirected to; 0: they are not
};

// A policy in the place that it has on a route.
struct PlacedPolicy {
  policy::PolicyPointer policy;
  std::string name;                                  // its kind's
  std::vector<telemetry::PolicyMetrics*> metrics{};  // one for each worker
  config::Location location{};                       // in the configuration

  const policy::Policy* operator->() const { return policy.get(); }
};

struct Route {
  std::string name;
  Split split{};  // the upstreams that answer; empty where a policy answers
  routing::PathParameters parameters;
  routing::PathRewrite rewrite{};
  std::string host{};                    // that the upstream is asked for; empty: the client's
  std::vector<PlacedPolicy> policies{};  // the configuration's, then the route's own
  std::string pseudonym{};               // in Via, by which a request that comes back is known
  std::vector<std::string> upgrades{};   // protocols that a client may switch to, in lower case
  policy::OwnedFields owned_fields{};    // of the request, which a policy alone may set
  bool idempotent = false;               // whatever the method: sent again like a GET
  bool takes_trace = false;              // its `methods` list TRACE or TRACK
  bool marks_answers = false;            // one of its policies marks every answer
  bool watches_end = false;
  std::vector<telemetry::RouteMetrics*> metrics{};  // one for each worker
};

// Which requests are reported to a collector of traces.
struct TracingRules {
  telemetry::Propagation propagation{};
  uint32_t sample = 100;  // of 10,000 requests without a decision of the client
  bool honour_parent = true;
  bool errors = true;  // requests that fail are told too
};

// Everything a configuration says, compiled. Immutable; shared by the workers; an exchange keeps the one it
// began with, so that replacing it drops nothing.
struct Snapshot {
  Snapshot(uint64_t number, std::vector<routing::RouteRule> rules)
      : version(number), table(std::move(rules)) {}

  uint64_t version;
  SidePool* side_pool = nullptr;  // outlives the snapshot
  std::vector<ListenerSettings> listeners;
  std::vector<Route> routes;
  // Stands for the route of requests that no route takes: the policies of the top level alone.
  Route unrouted{.name = {}, .parameters = routing::PathParameters(routing::Match{})};
  http::FieldNames matched_fields;  // that `match.headers` of a route reads
  size_t shared_policies = 0;       // how many of each route's policies, the first ones, are the top level's
  telemetry::LogFormat log_format{{}};
  std::optional<TracingRules> tracing{};  // empty: tracing is off
  Milliseconds drain_timeout{30'000};
  Milliseconds max_lag{0};  // beyond it a worker refuses requests; 0: never
  std::vector<std::shared_ptr<const upstream::UpstreamDefinition>> upstreams;
  std::set<std::string> hosts;  // names that targets are known by
  upstream::Discovery::Settings dns;
  std::shared_ptr<const identity::Directory> consumers;
  std::vector<telemetry::Group> groups;                                    // of consumers
  std::vector<std::vector<telemetry::ResponseMetrics*>> consumer_metrics;  // by consumer, then worker
  routing::RouteTable table;
};

}  // namespace portcullis::proxy
