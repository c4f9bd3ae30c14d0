#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::grpc_web {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason bad_base64{"bad_base64", 400,
                       "The request's body is not valid base64, which the text form of gRPC-Web needs."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::grpc_web
