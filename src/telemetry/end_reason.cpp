#include "telemetry/end_reason.h"

namespace portcullis::telemetry {

std::string_view name_of(EndedBy by) {
  switch (by) {
    case EndedBy::kClient: return "client";
    case EndedBy::kTarget: return "target";
    case EndedBy::kPeers: return "client or target";
    case EndedBy::kGateway: return "gateway";
    case EndedBy::kPolicy: return "policy";
  }
  return "";
}

std::string_view name_of(EndPhase phase) {
  switch (phase) {
    case EndPhase::kHead: return "head";
    case EndPhase::kPolicies: return "policies";
    case EndPhase::kConnecting: return "connecting";
    case EndPhase::kWaiting: return "waiting";
    case EndPhase::kBody: return "body";
    case EndPhase::kTunnel: return "tunnel";
    case EndPhase::kAny: return "any";
  }
  return "";
}

}  // namespace portcullis::telemetry
