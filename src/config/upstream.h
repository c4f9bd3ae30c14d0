#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/discovery.h"
#include "config/policy_type.h"
#include "config/schema.h"
#include "config/target_health.h"
#include "config/tcp_keepalive.h"
#include "config/tls.h"
#include "config/value_types.h"
#include "http/h1/head_limits.h"
#include "upstream/breaker_limits.h"
#include "upstream/choices.h"
#include "upstream/hedging.h"
#include "upstream/http2_windows.h"
#include "upstream/retries.h"
#include "upstream/sticky_cookie.h"
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

using upstream::BreakerLimits;
using upstream::Hedging;
using upstream::Http2Windows;
using upstream::Retries;
using upstream::StickyCookie;

// The limits for responses of targets.
struct UpstreamLimits : http::h1::HeadLimits {
  UpstreamLimits() : HeadLimits(http::h1::kResponseLimits) {}
};

struct Upstream {
  Location location;
  std::string name;
  TextMap labels;
  std::string description;
  Balance balance = Balance::kRoundRobin;
  std::string hash_key = "client.address";
  Location hash_key_location;
  StickyCookie sticky;
  milliseconds slow_start{0};
  HealthCheck health_check;
  Retries retries;
  Hedging hedge;
  BreakerLimits circuit_breaker;
  EjectionRules outlier_ejection;
  uint64_t panic_threshold = 0;  // percent
  std::vector<Target> targets;
  Discover discover;
  UpstreamTls tls;
  Protocol protocol = Protocol::kHttp1;
  Location protocol_location;
  Http2Windows http2;
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  UpstreamLimits limits;
  bool lenient_responses = false;
  UpstreamTimeouts timeouts;
  TcpKeepalive tcp_keepalive;
};

Type<Upstream> upstream_type();
Type<Target> target_type();
Type<TextMap> metadata_type();

// True when a route with this subset may use the target.
bool belongs(const Target& target, const TextMap& subset);

// Reports upstreams with the same name, and upstreams without targets.
void check_upstreams(const SharedList<Upstream>& upstreams, Diagnostics& diagnostics);
// Reports settings of an upstream that contradict each other.
void check_upstream(const Upstream& upstream, Diagnostics& diagnostics);

// What is wrong with the name of a cookie, or "".
std::string check_cookie_name(const std::string& name);
// What is wrong with a target's address, or "": `address:port`, `name:port` (the name is resolved) or
// `unix:/path`.
std::string check_target_address(const std::string& text);

}  // namespace portcullis::config
