#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http/h1/head_parser.h"
#include "runtime/address.h"
#include "runtime/event_loop.h"
#include "runtime/tcp_keepalive.h"
#include "telemetry/metrics.h"
#include "tls/client_context.h"
#include "upstream/breaker.h"
#include "upstream/choices.h"
#include "upstream/health.h"
#include "upstream/timeouts.h"

namespace portcullis::upstream {

// Pairs of name and value, sorted.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct TargetDefinition {
  std::string name;  // as configured, for logs
  std::variant<SocketAddress, HostPort> place{};
  uint32_t weight = 1;
  std::shared_ptr<const telemetry::TargetShards> metrics{};
  uint32_t rank = 0;  // targets with a lower rank are preferred
  Metadata metadata{};

  bool operator==(const TargetDefinition&) const = default;
};

using TargetList = std::vector<TargetDefinition>;

// How the health of targets is checked.
struct HealthCheck {
  enum class Kind : uint8_t { kNone, kTcp, kHttp, kGrpc };
  Kind kind = Kind::kNone;
  std::string method = "GET";
  std::string path{};
  std::string grpc_service{};  // empty: the server as a whole
  std::string host{};          // for the Host field; empty: the target's host
  uint16_t port = 0;           // 0: the target's port
  Milliseconds interval{5'000};
  Milliseconds unhealthy_interval{5'000};  // while the target is down
  Milliseconds timeout{1'000};
  uint32_t healthy_after = 2;    // passed checks in a row
  uint32_t unhealthy_after = 3;  // failed checks in a row
  std::vector<std::pair<uint16_t, uint16_t>> statuses{{200, 299}};
  std::string body{};  // an expression (RE2) that the body must match; empty: any body

  bool operator==(const HealthCheck&) const = default;
};

// When a request is retried.
struct Retries {
  uint32_t attempts = 0;  // max retries after the first attempt; failed connects do not count
  bool on_reset = true;   // retry when the connection ends without a valid HTTP response
  bool on_timeout = false;
  std::vector<uint16_t> statuses{};  // sorted
  double budget = 0.2;               // max share of the requests
  uint32_t min_per_second = 3;       // retries that are allowed in addition to the budget
  Milliseconds pause{25};            // before the first retry; doubled before each further one
  Milliseconds max_backoff{250};
  Milliseconds max_retry_after{1'000};  // max Retry-After that is honoured
  uint64_t body_size = 64 * 1024;       // requests with larger bodies are not retried

  bool operator==(const Retries&) const = default;
};

// When a request is also sent to a second target while the first may still answer.
struct Hedging {
  static constexpr uint32_t kMax = 5;

  Milliseconds delay{0};  // time without an answer; 0: no hedging
  uint32_t attempts = 1;  // max additional attempts
  double budget = 0.1;    // max share of the requests

  bool operator==(const Hedging&) const = default;
};

// A signed cookie that keeps a client with its target.
struct StickyCookie {
  std::string name;             // empty: no cookie
  std::string key;              // of the signature; must be equal on all nodes
  std::chrono::seconds ttl{0};  // 0: a session cookie

  bool operator==(const StickyCookie&) const = default;
};

// HTTP/2 flow control windows for responses, in bytes.
struct Http2Windows {
  uint32_t stream = 128 << 10;
  uint32_t connection = 32 << 20;

  bool operator==(const Http2Windows&) const = default;
};

// A configured backend service. Immutable, shared by all workers through the snapshot.
struct UpstreamDefinition {
  std::string name;
  Balance balance = Balance::kRoundRobin;
  TargetList targets;
  bool discovers = false;  // further targets come from a discovery source
  Timeouts timeouts{};
  http::h1::HeadLimits response_limits = http::h1::kResponseLimits;  // head_size also applies to trailers
  TcpKeepalive keepalive{};
  std::shared_ptr<UpstreamHealth> health = std::make_shared<UpstreamHealth>();  // kept over reloads
  std::shared_ptr<Breaker> breaker = std::make_shared<Breaker>();               // kept over reloads
  BreakerLimits limits{};
  EjectionRules ejection{};
  HealthCheck check{};
  Retries retries{};
  Hedging hedging{};
  // With a smaller share of available targets, unavailable targets are used as well.
  double panic_threshold = 0;
  Milliseconds slow_start{0};  // time in which a new or recovered target reaches its full share
  Protocol protocol = Protocol::kHttp1;
  Http2Windows http2{};
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  std::shared_ptr<const tls::ClientContext> tls{};  // null: no TLS
  std::string server_name{};                        // for SNI and verification; empty: the target's host
  StickyCookie sticky{};
  // Subsets that routes choose from; the first one has all targets.
  std::vector<Metadata> subsets{Metadata{}};

  bool operator==(const UpstreamDefinition&) const = default;
};

}  // namespace portcullis::upstream
