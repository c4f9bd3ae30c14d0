#pragma once

#include "policy/policy.h"

namespace portcullis::policy::grpc_transcoding {

// `grpc_transcoding`: Converts HTTP requests with JSON to gRPC calls, by the google.api.http options of a
// descriptor set (google/api/http.proto), and the messages of the responses to JSON.
Kind kind();

}  // namespace portcullis::policy::grpc_transcoding
