#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

namespace portcullis::telemetry {

// Whose doing it was that a request ended as it did.
enum class EndedBy : uint8_t {
  kClient,  // it left, was too slow, or sent what is no HTTP
  kTarget,  // it answered whole; or it could not be reached, was too slow, broke off, or sent what is no HTTP
  kPeers,   // the client or the target closed the tunnel between them
  kGateway,  // by its routes, its limits, what it can do, or its state
  kPolicy,
};

// What the request was in when it ended.
enum class EndPhase : uint8_t {
  kHead,        // of the request: it was read, and its route was looked for
  kPolicies,    // they judged the request
  kConnecting,  // to a target
  kWaiting,     // for the head of a target's response
  kBody,        // of the request or the response
  kTunnel,
  kAny,  // it can end so in each of them
};

// Whether the request ended because its caller has used up what a limit grants it.
enum class CallerLimit : uint8_t { kNone, kReached };

// Why a request ended: what the access log calls `ended`. All reasons are constants, each a member of a
// table: a struct that has nothing else. kEnds (telemetry/ends.h) is the table of what the gateway knows by
// itself, and each policy has the table of its own in its folder. A reason that is in no table cannot be
// named, and two reasons are the same when their addresses are.
struct EndReason {
  constexpr EndReason(std::string_view its_name, EndedBy by, EndPhase in, uint16_t with_status,
                      std::string_view told, CallerLimit of_caller = CallerLimit::kNone)
      : name(its_name), sentence(told), status(with_status), ended_by(by), phase(in), limit(of_caller) {}
  // Of a policy that has refused or answered the request.
  constexpr EndReason(std::string_view its_name, uint16_t with_status, std::string_view told,
                      CallerLimit of_caller = CallerLimit::kNone)
      : EndReason(its_name, EndedBy::kPolicy, EndPhase::kPolicies, with_status, told, of_caller) {}
  EndReason(const EndReason&) = delete;
  EndReason& operator=(const EndReason&) = delete;
  ~EndReason() = default;

  std::string_view name;      // for logs, metrics, traces and the dashboard
  std::string_view sentence;  // for operators; names of the configuration stand in backquotes
  // The status with which such a request is refused or answered. 0: the status is not the reason's, because
  // the response has been sent already, a configuration or another server chose it, or there was none.
  uint16_t status;
  EndedBy ended_by;
  EndPhase phase;
  CallerLimit limit;
};

// "client", "client or target"; "head", "waiting".
std::string_view name_of(EndedBy by);
std::string_view name_of(EndPhase phase);

using EndReasons = std::vector<const EndReason*>;

// All members of a table, in their order.
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
