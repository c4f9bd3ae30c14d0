#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::grpc_web {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason bad_base64{"bad_base64", 400,
                       "The request's body is not the base64 that gRPC-Web's text form has."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::grpc_web
