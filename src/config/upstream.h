#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "config/discovery.h"
#include "config/policy_type.h"
#include "config/schema.h"
#include "config/tcp_keepalive.h"
#include "config/tls.h"
#include "config/value_types.h"
#include "upstream/choices.h"
#include "upstream/timeouts.h"

// A backend service as configured. Defaults are in these structs; the schema shows them in the reference.
namespace portcullis::config {

using std::chrono::milliseconds;

struct Target {
  Location location;
  std::string address;
  uint64_t weight = 1;
  uint64_t priority = 0;
  std::string zone;
  TextMap metadata;
};

using upstream::Balance;
using upstream::Protocol;
using upstream::ProxyProtocol;
using UpstreamTimeouts = upstream::Timeouts;

struct Sticky {
  std::string cookie;  // empty: no cookie
  std::string key;
  milliseconds ttl{0};
};

struct GrpcCheck {
  Location location;
  std::string service;
};

struct HealthCheck {
  Location location;
  GrpcCheck grpc;
  std::string method = "GET";
  std::string path;
  std::string host;
  uint64_t port = 0;
  milliseconds interval{5'000};
  milliseconds unhealthy_interval{0};  // 0: as `interval`
  milliseconds timeout{1'000};
  uint64_t healthy_after = 2;
  uint64_t unhealthy_after = 3;
  std::vector<StatusRange> status{{200, 299}};
  std::string body;

  bool enabled() const { return location.line_read != 0; }
};

struct Retries {
  enum class On { kReset, kTimeout };
  uint64_t attempts = 0;
  std::vector<On> on{On::kReset};
  std::vector<StatusRange> status;
  uint64_t budget = 20;  // percent
  uint64_t min_per_second = 3;
  milliseconds backoff{25};
  milliseconds max_backoff{250};
  milliseconds max_retry_after{1'000};
  uint64_t body_size = 64 * 1024;
};
constexpr auto names_of(Retries::On) {
  return std::to_array<EnumName<Retries::On>>(
      {{Retries::On::kReset, "reset"}, {Retries::On::kTimeout, "timeout"}});
}

struct OutlierEjection {
  uint64_t failures_in_row = 3;
  std::vector<StatusRange> status;
  uint64_t error_share = 0;  // percent
  uint64_t slowness = 0;
  uint64_t min_requests = 20;
  milliseconds interval{10'000};
  milliseconds ejection{10'000};
  milliseconds max_ejection{300'000};
  uint64_t max_ejected = 50;  // percent
};

// The limits for responses of targets.
struct UpstreamLimits {
  uint64_t head_size = 64 * 1024;
  uint64_t field_count = 112;
};

struct CircuitBreaker {
  uint64_t connections = 0;
  uint64_t pending = 0;
  uint64_t requests = 0;
  uint64_t retries = 0;
};

struct Hedge {
  milliseconds delay{0};
  uint64_t attempts = 1;
  uint64_t budget = 10;  // percent
};

struct UpstreamHttp2 {
  uint32_t stream_window = 128 << 10;
  uint32_t connection_window = 32 << 20;
};

struct Upstream {
  Location location;
  std::string name;
  Balance balance = Balance::kRoundRobin;
  std::string hash_key = "client.address";
  Location hash_key_location;
  Sticky sticky;
  milliseconds slow_start{0};
  HealthCheck health_check;
  Retries retries;
  Hedge hedge;
  CircuitBreaker circuit_breaker;
  OutlierEjection outlier_ejection;
  uint64_t panic_threshold = 0;  // percent
  std::vector<Target> targets;
  Discover discover;
  UpstreamTls tls;
  Protocol protocol = Protocol::kHttp1;
  Location protocol_location;
  UpstreamHttp2 http2;
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  UpstreamLimits limits;
  bool lenient_responses = false;
  UpstreamTimeouts timeouts;
  TcpKeepalive tcp_keepalive;
};

Type<Upstream> upstream_type();
Type<Target> target_type();
Type<TextMap> metadata_type();

// What is wrong with the name of a cookie, or "".
std::string check_cookie_name(const std::string& name);
// What is wrong with a target's address, or "": `address:port`, `name:port` (the name is resolved) or
// `unix:/path`.
std::string check_target_address(const std::string& text);

}  // namespace portcullis::config
