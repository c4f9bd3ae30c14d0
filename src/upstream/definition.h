#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http/h1/head_limits.h"
#include "runtime/address.h"
#include "runtime/event_loop.h"
#include "runtime/tcp_keepalive.h"
#include "telemetry/metrics.h"
#include "tls/client_context.h"
#include "upstream/breaker.h"
#include "upstream/choices.h"
#include "upstream/health.h"
#include "upstream/health_check.h"
#include "upstream/hedging.h"
#include "upstream/http2_windows.h"
#include "upstream/retries.h"
#include "upstream/sticky_cookie.h"
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

// What a health check does with a target.
enum class CheckKind : uint8_t { kNone, kTcp, kHttp, kGrpc };

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
  CheckKind check_kind = CheckKind::kNone;
  HealthCheck health_check{};  // without a meaning for CheckKind::kNone
  Retries retries{};
  Hedging hedging{};
  // With a smaller share of available targets, in percent, unavailable targets are used as well.
  uint64_t panic_threshold = 0;
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
