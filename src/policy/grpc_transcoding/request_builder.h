#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/grpc_transcoding/service_api.h"

namespace portcullis::policy::grpc_transcoding {

// What an HTTP request says of a call.
struct HttpCall {
  std::string_view path{};   // as it matched
  std::string_view query{};  // encoded
  std::string_view body{};
  std::string_view content_type{};  // of the body
};

// The messages of the call, as gRPC frames them: what the body says in JSON, and the path's variables and the
// query's parameters in their fields. An array in the body is a stream of requests, where the method takes
// one. `ignore_unknown`: for fields that the message does not have. The error is for the client.
Result<std::string> build_request(const ServiceApi& api, const HttpBinding& binding, const HttpCall& call,
                                  bool ignore_unknown);

}  // namespace portcullis::policy::grpc_transcoding
