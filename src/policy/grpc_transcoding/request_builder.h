#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/grpc_transcoding/service_api.h"

namespace portcullis::policy::grpc_transcoding {

// The parts of an HTTP request that a call is built from.
struct HttpCall {
  std::string_view path{};   // the path that matched the template
  std::string_view query{};  // still percent-encoded
  std::string_view body{};
  std::string_view content_type{};  // the content type of the body

  size_t size() const { return path.size() + query.size() + body.size(); }
};

struct RequestForm {
  // How fields and parameters that the message does not have are handled.
  enum class Unknown : uint8_t { kRefused, kIgnored } unknown = Unknown::kRefused;
  size_t max = SIZE_MAX;  // the max bytes of all messages
};

// Builds the messages of the call with their gRPC prefixes, from the JSON body, the variables of the path and
// the parameters of the query. When the method takes a stream, the body is an array of requests. The text of
// an error is for the client. Once a stop has been requested by `stop`, the function ends early with an error
// that is not to be used. May be called on any thread.
Result<std::string> build_request(const ServiceApi& api, const HttpBinding& binding, const HttpCall& call,
                                  const RequestForm& form, const std::stop_token& stop = {});

}  // namespace portcullis::policy::grpc_transcoding
