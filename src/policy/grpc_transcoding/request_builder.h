#pragma once

#include <cstdint>
#include <stop_token>
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

  size_t size() const { return path.size() + query.size() + body.size(); }
};

struct RequestForm {
  // What becomes of fields and parameters that the message does not have.
  enum class Unknown : uint8_t { kRefused, kIgnored } unknown = Unknown::kRefused;
  size_t most = SIZE_MAX;  // bytes of all messages
};

// The messages of the call, as gRPC frames them: what the body says in JSON, and the path's variables and the
// query's parameters in their fields. An array in the body is a stream of requests, where the method takes
// one. The error is for the client. Ends early once `stop` has been requested, with an error that has no
// meaning. Any thread.
Result<std::string> build_request(const ServiceApi& api, const HttpBinding& binding, const HttpCall& call,
                                  const RequestForm& form, const std::stop_token& stop = {});

}  // namespace portcullis::policy::grpc_transcoding
