#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/shared_list.h"
#include "http/field_names.h"
#include "http/path.h"
#include "policy/policy.h"
#include "proxy/address_counts.h"
#include "proxy/error_rules.h"
#include "proxy/forwarding.h"
#include "proxy/half_close.h"
#include "proxy/listener_http2.h"
#include "proxy/listener_limits.h"
#include "proxy/listener_timeouts.h"
#include "proxy/snapshot_reads.h"
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
#include "telemetry/trace_sampling.h"
#include "tls/server_context.h"
#include "upstream/dns.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

struct ListenerSettings {
  std::string name;
  SocketAddress address;
  std::string address_text{};  // the address as `match.listeners` of a route writes it
  SocketFileRights rights{};   // for the file of a Unix socket
  ListenerLimits limits{};
  ListenerTimeouts timeouts{};
  ListenerHttp2 http2{};
  ForwardingRules forwarding{};
  http::FieldNames request_trailers{};   // trailers that are passed on to targets
  http::FieldNames response_trailers{};  // trailers that are passed on to clients
  http::PathRules path_rules{};
  std::shared_ptr<AddressCounts> address_counts{};  // shared by all listeners
  telemetry::ListenerMetrics* metrics = nullptr;    // outlives the snapshot
  TcpKeepalive keepalive{};
  std::shared_ptr<const tls::ServerContext> tls{};  // null: plain HTTP
  std::string hsts{};                               // the Strict-Transport-Security field; empty: no field
  bool forward_client_certificate = false;
  HalfClose half_close = HalfClose::kLeaves;
  std::vector<IpRange> proxy_protocol{};  // peers that must send a PROXY header
  uint16_t https_port = 0;  // the port to which requests without TLS are redirected; 0: no redirect
};

// A policy at its position on a route.
struct PlacedPolicy {
  policy::PolicyPointer policy;
  std::string name;                                  // the name of the policy's kind
  std::vector<telemetry::PolicyMetrics*> metrics{};  // one for each worker
  config::Location location{};                       // the policy's place in the configuration
  std::string policy_set{};                          // the set that it is in; empty for none

  const policy::Policy* operator->() const { return policy.get(); }
};

struct Route {
  std::string name;
  Split split{};  // the upstreams of the route; empty when a policy answers
  routing::PathParameters parameters;
  routing::PathRewrite rewrite{};
  std::string host{};                    // the host that targets are asked for; empty: the client's
  std::vector<PlacedPolicy> policies{};  // the policies of the top level, then those of the route
  std::string pseudonym{};               // the name in Via by which a request loop is detected
  std::vector<std::string> upgrades{};   // protocols that a client may switch to, in lower case
  policy::OwnedFields owned_fields{};    // request fields that only a policy may set
  bool idempotent = false;               // requests with any method may be sent again
  bool takes_trace = false;              // its `methods` list TRACE or TRACK
  bool marks_answers = false;            // one of its policies marks every answer
  bool watches_end = false;
  std::vector<telemetry::RouteMetrics*> metrics{};  // one for each worker
};

struct TracingRules {
  telemetry::TraceSampling sampling{};
  telemetry::Propagation propagation{};
};

// A compiled revision of the configuration. Immutable; shared by the workers. An exchange keeps the snapshot
// with which it began, so replacing the snapshot drops no request.
struct Snapshot {
  explicit Snapshot(uint64_t number) : revision(number), revision_text(std::to_string(number)) {}

  uint64_t revision;              // its number
  std::string revision_text;      // the number as a text
  std::string revision_header{};  // the response field that tells the number; empty: none
  std::shared_ptr<const telemetry::RevisionShards> responses{};
  SidePool* side_pool = nullptr;  // outlives the snapshot
  std::vector<ListenerSettings> listeners;
  config::SharedList<Route> routes;  // shared with other snapshots where they are the same
  // The substitute for a route when no route matches: it has only the policies of the top level.
  Route unrouted{.name = {}, .parameters = routing::PathParameters(routing::Match{})};
  http::FieldNames matched_fields;             // the fields that `match.headers` of any route reads
  std::shared_ptr<const ErrorRules> errors{};  // null: no rules
  size_t shared_policies = 0;  // how many policies at the front of each route are the top level's
  telemetry::LogFormat log_format{{}};
  // What the snapshot reads of requests, and what is recorded of them. Null: requests are not recorded.
  std::shared_ptr<const SnapshotReads> reads{};
  std::shared_ptr<const Recording> recording{};
  std::optional<TracingRules> tracing{};  // empty: tracing is off
  Milliseconds drain_timeout{30'000};
  Milliseconds max_lag{0};  // a worker with a longer lag refuses requests; 0: no limit
  std::vector<std::shared_ptr<const upstream::UpstreamDefinition>> upstreams;
  std::set<std::string> hosts;  // the host names of targets
  upstream::Dns dns;
  std::shared_ptr<const identity::Directory> consumers;
  std::vector<telemetry::Group> groups;                                    // the groups of consumers
  std::vector<std::vector<telemetry::ResponseMetrics*>> consumer_metrics;  // by consumer, then by worker
  std::shared_ptr<const routing::RouteTable> table;                        // not null
};

}  // namespace portcullis::proxy
