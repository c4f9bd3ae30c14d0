#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/address.h"
#include "runtime/event_loop.h"
#include "telemetry/metrics.h"
#include "tls/client_context.h"

namespace portcullis::upstream {

enum class ProxyProtocol : uint8_t { kNone, k1, k2 };
enum class Balance : uint8_t { kRoundRobin, kLeastRequest, kRandom, kPeakEwma, kRingHash, kMaglev };

// Names and values, sorted.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct TargetDefinition {
  std::string name;  // as configured, for logs
  std::variant<SocketAddress, HostPort> place{};
  uint32_t weight = 1;
  std::vector<telemetry::TargetMetrics*> metrics{};  // one for each worker; they outlive the definition
  uint32_t rank = 0;                                 // lower ones are preferred
  Metadata metadata{};

  bool operator==(const TargetDefinition&) const = default;
};

// Keeps a client with its target by a signed cookie.
struct StickyCookie {
  std::string name;  // empty: none
  std::string key;   // of the signature; the same on all nodes
  std::chrono::seconds ttl{0};  // 0: until the browser ends

  bool operator==(const StickyCookie&) const = default;
};

// A backend service as configured. Immutable, shared by all workers through the snapshot.
struct UpstreamDefinition {
  std::string name;
  Balance balance = Balance::kRoundRobin;
  std::vector<TargetDefinition> targets;
  Milliseconds connect_timeout{1'000};
  Milliseconds response_timeout{15'000};
  Milliseconds idle_timeout{60'000};
  uint32_t failures_to_eject = 3;  // in a row
  Milliseconds ejection{10'000};   // how long such a target is left out
  Milliseconds slow_start{0};      // how long a new or recovered target takes to its full share
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  std::shared_ptr<const tls::ClientContext> tls{};  // null: plain
  std::string server_name{};                        // asked for and verified; empty: the target's own
  StickyCookie sticky{};
  std::vector<Metadata> subsets{Metadata{}};  // what routes choose from; the first is all targets

  bool operator==(const UpstreamDefinition&) const = default;
};

}  // namespace portcullis::upstream
