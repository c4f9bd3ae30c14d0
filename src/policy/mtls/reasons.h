#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::mtls {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason certificate_missing{"certificate_missing", 401, "The client has shown no certificate."};
  EndReason certificate_unknown{"certificate_unknown", 401, "No consumer has the client's certificate."};
  EndReason certificate_expired{"certificate_expired", 401,
                                "The client's certificate has expired since the handshake."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::mtls
