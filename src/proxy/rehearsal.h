#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "policy/policy.h"
#include "tls/peer_certificate.h"

namespace portcullis::proxy {

// A request that no client has sent, and for which the gateway finds out what it would do. An exchange
// processes it like any other request, and stops before it would ask a target.
struct RehearsalRequest {
  // Stands for a listener with default settings.
  static constexpr size_t kNoListener = SIZE_MAX;

  size_t listener = kNoListener;  // index into Snapshot::listeners
  std::string text{};             // head and body in the format of HTTP/1.1
  std::string peer{};             // the client's address, without port
  bool is_secure = false;  // the client uses TLS, to the listener or to the load balancer before the gateway
  bool asked_for_certificate = false;                         // the handshake asked for a certificate
  std::shared_ptr<const tls::PeerCertificate> certificate{};  // the verified certificate; may be null
  policy::Purpose purpose = policy::Purpose::kExplain;
};

// What one policy does with the rehearsed request.
struct RehearsedPolicy {
  std::string name{};           // the name of the policy's kind
  config::Location location{};  // the policy's place in the configuration
  std::string policy_set{};     // the set that it is in; empty for none
  bool is_reached = false;
  policy::Decision::Kind decision = policy::Decision::Kind::kContinue;
  uint16_t status = 0;                           // the status of a refusal or an answer
  const telemetry::EndReason* reason = nullptr;  // the reason of a refusal or an answer
  policy::Notes notes{};
};

// What the gateway would do with the request. A plain value, for any thread.
struct Rehearsal {
  enum class End : uint8_t {
    kForwarded,  // the gateway would ask a target
    kAnswered,   // the gateway would send `answer`
    kUnknown,    // a policy cannot decide in a rehearsal
  };

  uint64_t revision = 0;  // of the snapshot
  // The request as routes see it. `path` is canonical, and empty when it has no canonical form.
  std::string method{}, scheme{}, host{}, path{}, query{};
  std::string client{};  // the client's address, according to the gateway and to trusted proxies
  std::vector<std::pair<std::string, std::string>> fields{};
  bool is_routed = false;                   // the gateway has looked for a route
  std::optional<size_t> route{};            // the matching route: index into Snapshot::routes
  std::string allow{};                      // the Allow field of a response with status 405
  std::vector<RehearsedPolicy> policies{};  // the route's policies, or those of the top level

  End end = End::kAnswered;
  const telemetry::EndReason* ended = nullptr;  // for kAnswered; null when no answer was made
  uint16_t status = 0;                          // the status of the answer
  // The rule of `errors` that makes the answer; empty when none does.
  std::optional<config::Location> error_rule{};
  std::string answer{};  // the answer's bytes, at most kMaxAnswer; only the head for an answer of the cache
  static constexpr size_t kMaxAnswer = 64 * 1024;
  std::string target_path{};       // the path that the target gets
  std::optional<size_t> branch{};  // the branch of the route's split; empty when chance decides
  std::string branch_reason{};     // the reason for the choice of `branch`
  std::string unknown{};           // for kUnknown: why the outcome is not known
};

}  // namespace portcullis::proxy
