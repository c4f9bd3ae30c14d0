#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::grpc_transcoding {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason no_grpc_method{"no_grpc_method", 404, "The gRPC services have no method for the request's path."};
  EndReason bad_json_request{"bad_json_request", 400,
                             "The request's JSON does not fit the message of the gRPC method."};
  EndReason content_encoding_not_supported{
      "content_encoding_not_supported", 415,
      "The request's body is compressed, so `grpc_transcoding` cannot read it."};
  EndReason transcoding_overloaded{
      "transcoding_overloaded", 503,
      "Too many requests and responses are waiting to be converted by `grpc_transcoding`."};
  EndReason grpc_stream_failed{"grpc_stream_failed", telemetry::EndedBy::kTarget, telemetry::EndPhase::kBody,
                               0,
                               "The gRPC call ended with an error after a part of its messages had been sent "
                               "as JSON; the client saw a reset."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::grpc_transcoding
