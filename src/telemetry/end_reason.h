#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/enum_names.h"

namespace portcullis::telemetry {

// Who caused the end of a request.
enum class EndedBy : uint8_t {
  kClient,   // the client left, was too slow, or did not send valid HTTP
  kTarget,   // the target answered completely; or was unreachable, too slow, broke off, or did not send valid
             // HTTP
  kPeers,    // the client or the target closed the tunnel between them
  kGateway,  // the gateway, by its routes, its limits, its abilities, or its state
  kPolicy,
};
constexpr auto names_of(EndedBy) {
  return std::to_array<EnumName<EndedBy>>({{EndedBy::kClient, "client"},
                                           {EndedBy::kTarget, "target"},
                                           {EndedBy::kPeers, "client or target"},
                                           {EndedBy::kGateway, "gateway"},
                                           {EndedBy::kPolicy, "policy"}});
}

// The phase in which a request ended.
enum class EndPhase : uint8_t {
  kHead,        // reading the request's head and finding its route
  kPolicies,    // the policies were judging the request
  kConnecting,  // connecting to a target
  kWaiting,     // waiting for the head of a target's response
  kBody,        // transferring the body of the request or the response
  kTunnel,
  kAny,  // the reason can occur in every phase
};
constexpr auto names_of(EndPhase) {
  return std::to_array<EnumName<EndPhase>>({{EndPhase::kHead, "head"},
                                            {EndPhase::kPolicies, "policies"},
                                            {EndPhase::kConnecting, "connecting"},
                                            {EndPhase::kWaiting, "waiting"},
                                            {EndPhase::kBody, "body"},
                                            {EndPhase::kTunnel, "tunnel"},
                                            {EndPhase::kAny, "any"}});
}

// Whether the request ended because its caller has reached a limit.
enum class CallerLimit : uint8_t { kNone, kReached };

// Why a request ended: the value of `ended` in the access log. All reasons are constants, each a member of a
// table, which is a struct with no other members. kEnds (telemetry/ends.h) is the gateway's own table; each
// policy has a table in its folder. A reason outside of a table has no name. Two reasons are equal when their
// addresses are equal.
struct EndReason {
  constexpr EndReason(std::string_view its_name, EndedBy by, EndPhase its_phase, uint16_t with_status,
                      std::string_view told, CallerLimit of_caller = CallerLimit::kNone)
      : name(its_name),
        sentence(told),
        status(with_status),
        ended_by(by),
        phase(its_phase),
        limit(of_caller) {}
  // The reason of a policy that has refused or answered the request.
  constexpr EndReason(std::string_view its_name, uint16_t with_status, std::string_view told,
                      CallerLimit of_caller = CallerLimit::kNone)
      : EndReason(its_name, EndedBy::kPolicy, EndPhase::kPolicies, with_status, told, of_caller) {}
  EndReason(const EndReason&) = delete;
  EndReason& operator=(const EndReason&) = delete;
  ~EndReason() = default;

  std::string_view name;      // for logs, metrics, traces and the dashboard
  std::string_view sentence;  // for operators; names of settings are in backquotes
  // The status of the gateway's response to such a request. 0 when the reason does not determine the status:
  // the response has been sent already, a configuration or another server chose the status, or there was no
  // response.
  uint16_t status;
  EndedBy ended_by;
  EndPhase phase;
  CallerLimit limit;
};

using EndReasons = std::vector<const EndReason*>;

// All members of a table, in order.
template <typename Table>
EndReasons reasons_in(const Table& table) {
  static_assert(std::is_standard_layout_v<Table> && sizeof(Table) % sizeof(EndReason) == 0,
                "a table of reasons has no other members");
  const auto* bytes = reinterpret_cast<const std::byte*>(std::addressof(table));
  EndReasons out;
  for (size_t at = 0; at < sizeof(Table); at += sizeof(EndReason))
    out.push_back(std::launder(reinterpret_cast<const EndReason*>(bytes + at)));
  return out;
}

}  // namespace portcullis::telemetry
