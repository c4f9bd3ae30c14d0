#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/policy_type.h"
#include "config/schema.h"
#include "config/tls.h"

// A backend service as configured. Defaults are here; the schema shows them in the reference.
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

struct UpstreamTimeouts {
  milliseconds connect{1'000};
  milliseconds response{15'000};
  milliseconds idle{60'000};
};

enum class Balance { kRoundRobin, kLeastRequest, kRandom, kPeakEwma, kRingHash, kMaglev };
enum class ProxyProtocol { kNone, k1, k2 };

struct Sticky {
  std::string cookie;  // empty: none
  std::string key;
  milliseconds ttl{0};
};

struct Upstream {
  Location location;
  std::string name;
  Balance balance = Balance::kRoundRobin;
  std::string hash_key = "client_address";
  Location hash_key_location;
  Sticky sticky;
  milliseconds slow_start{0};
  std::vector<Target> targets;
  UpstreamTls tls;
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  UpstreamTimeouts timeouts;
};

TypePointer upstream_type();
TypePointer metadata_type();  // TextMap

// What is wrong with a target's address, or "": `address:port`, `name:port` or `unix:/path`.
std::string check_target_address(const std::string& text);

}  // namespace portcullis::config
