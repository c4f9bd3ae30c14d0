#pragma once

#include "policy/policy.h"

namespace portcullis::policy::grpc_transcoding {

// `grpc_transcoding`: makes gRPC calls of HTTP requests with JSON, as the google.api.http options of a
// descriptor set say (google/api/http.proto), and JSON of what they return.
Kind kind();

}  // namespace portcullis::policy::grpc_transcoding
