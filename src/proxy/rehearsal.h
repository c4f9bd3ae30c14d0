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

// A request that no client has sent, to find out what would become of it. An exchange takes it as it takes
// any other, from the first byte of its head on, and stops where a target would be asked.
struct RehearsalRequest {
  // In place of a listener's index: one without any settings of its own.
  static constexpr size_t kNoListener = SIZE_MAX;

  size_t listener = kNoListener;       // index into Snapshot::listeners
  std::string text{};                  // head and body, as HTTP/1.1 writes them
  std::string peer{};                  // the client's address, without port
  bool is_secure = false;              // it comes by TLS, to the listener or to the load balancer before it
  bool asked_for_certificate = false;  // in the handshake
  std::shared_ptr<const tls::PeerCertificate> certificate{};  // that the handshake has verified; may be null
  policy::Purpose purpose = policy::Purpose::kExplain;
};

// One policy's part.
struct RehearsedPolicy {
  std::string name{};           // its kind's
  config::Location location{};  // in the configuration
  bool is_reached = false;
  policy::Decision::Kind decision = policy::Decision::Kind::kContinue;
  uint16_t status = 0;                           // of a refusal, or an answer
  const telemetry::EndReason* reason = nullptr;  // of a refusal, or an answer
  policy::Notes notes{};
};

// What would become of the request. A plain value, for any thread.
struct Rehearsal {
  enum class End : uint8_t {
    kForwarded,  // a target would be asked
    kAnswered,   // the gateway would answer: `answer`
    kUnknown,    // a policy cannot decide here
  };

  uint64_t version = 0;  // of the snapshot
  // The request as routes see it. `path` is canonical, and empty when it has no canonical form.
  std::string method{}, scheme{}, host{}, path{}, query{};
  std::string client{};  // its address, as far as trusted proxies vouch for it
  std::vector<std::pair<std::string, std::string>> fields{};
  bool is_routed = false;                   // routes have been looked at
  std::optional<size_t> route{};            // that takes it: index into Snapshot::routes
  std::string allow{};                      // of 405
  std::vector<RehearsedPolicy> policies{};  // of its route, or those of the top level where none takes it

  End end = End::kAnswered;
  const telemetry::EndReason* ended = nullptr;  // for kAnswered; null: no answer was made
  uint16_t status = 0;                          // of the answer
  std::string answer{};  // the answer's bytes, as far as kMaxAnswer; only a head when it is the cache's
  static constexpr size_t kMaxAnswer = 64 * 1024;
  std::string target_path{};       // as the target gets it
  std::optional<size_t> branch{};  // of the route's split, that would be asked; none: chance decides
  std::string branch_reason{};     // why that one
};

}  // namespace portcullis::proxy
