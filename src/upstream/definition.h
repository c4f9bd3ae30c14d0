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

namespace portcullis::upstream {

// Names and values, sorted.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct TargetDefinition {
  std::string name;  // as configured, for logs
  std::variant<SocketAddress, HostPort> place{};
  uint32_t weight = 1;
  std::shared_ptr<const telemetry::TargetShards> metrics{};
  uint32_t rank = 0;  // lower ones are preferred
  Metadata metadata{};

  bool operator==(const TargetDefinition&) const = default;
};

using TargetList = std::vector<TargetDefinition>;

// How targets are asked for their health.
struct HealthCheck {
  enum class Kind : uint8_t { kNone, kTcp, kHttp, kGrpc };
  Kind kind = Kind::kNone;
  std::string method = "GET";
  std::string path{};
  std::string grpc_service{};  // empty: all of them
  std::string host{};          // for the Host field; empty: the target's
  uint16_t port = 0;           // 0: the target's
  Milliseconds interval{5'000};
  Milliseconds unhealthy_interval{5'000};  // while it is down
  Milliseconds timeout{1'000};
  uint32_t healthy_after = 2;    // checks in a row
  uint32_t unhealthy_after = 3;  // likewise
  std::vector<std::pair<uint16_t, uint16_t>> statuses{{200, 299}};
  std::string body{};  // an expression (RE2) that the body must have; empty: any

  bool operator==(const HealthCheck&) const = default;
};

// When a request is sent again.
struct Retries {
  uint32_t attempts = 0;  // after the first, besides those for which no connection was made
  bool on_reset = true;   // no answer, or none that is HTTP
  bool on_timeout = false;
  std::vector<uint16_t> statuses{};  // sorted
  double budget = 0.2;               // of the requests
  uint32_t least_each_second = 3;    // beyond the budget
  Milliseconds pause{25};            // before the first; twice of it before the next, and so on
  Milliseconds longest_pause{250};
  Milliseconds longest_retry_after{1'000};  // that a target may ask for
  uint64_t body_size = 64 * 1024;           // larger ones are sent once

  bool operator==(const Retries&) const = default;
};

// When a request is sent to a second target although the first may still answer.
struct Hedging {
  static constexpr uint32_t kMax = 5;

  Milliseconds delay{0};  // without an answer; 0: never
  uint32_t attempts = 1;  // besides the first
  double budget = 0.1;    // of the requests

  bool operator==(const Hedging&) const = default;
};

// Keeps a client with its target by a signed cookie.
struct StickyCookie {
  std::string name;             // empty: none
  std::string key;              // of the signature; the same on all nodes
  std::chrono::seconds ttl{0};  // 0: until the browser ends

  bool operator==(const StickyCookie&) const = default;
};

// How much of responses a target may send ahead by HTTP/2, in bytes.
struct Http2Windows {
  uint32_t stream = 128 << 10;
  uint32_t connection = 32 << 20;

  bool operator==(const Http2Windows&) const = default;
};

// A backend service as configured. Immutable, shared by all workers through the snapshot.
struct UpstreamDefinition {
  std::string name;
  Balance balance = Balance::kRoundRobin;
  TargetList targets;
  bool discovers = false;  // more targets are learnt from elsewhere
  Milliseconds connect_timeout{1'000};
  Milliseconds response_timeout{15'000};
  Milliseconds idle_timeout{60'000};
  Milliseconds tunnel_timeout{3'600'000};
  Milliseconds total_timeout{0};  // of all tries, to the response's head; 0: none
  http::h1::HeadLimits response_limits = http::h1::kResponseLimits;  // head_size goes for the trailers, too
  TcpKeepalive keepalive{};
  std::shared_ptr<UpstreamHealth> health = std::make_shared<UpstreamHealth>();  // lives through reloads
  std::shared_ptr<Breaker> breaker = std::make_shared<Breaker>();               // likewise
  BreakerLimits limits{};
  EjectionRules ejection{};
  HealthCheck check{};
  Retries retries{};
  Hedging hedging{};
  double panic_threshold = 0;  // with a smaller share of available targets, availability does not count
  Milliseconds slow_start{0};  // how long a new or recovered target takes to its full share
  Protocol protocol = Protocol::kHttp1;
  Http2Windows http2{};
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  std::shared_ptr<const tls::ClientContext> tls{};  // null: plain
  std::string server_name{};                        // asked for and verified; empty: the target's own
  StickyCookie sticky{};
  std::vector<Metadata> subsets{Metadata{}};  // what routes choose from; the first is all targets

  bool operator==(const UpstreamDefinition&) const = default;
};

}  // namespace portcullis::upstream
