#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace portcullis::policy::grpc_transcoding {

// google.api.HttpRule, as far as a gateway needs it.
struct HttpRule {
  std::string method;  // "GET"
  std::string path;    // template
  std::string body;
  std::string response_body;
};

// What the google.api.http option of a method says: its rule and the additional bindings. The option is an
// extension, and read from its bytes, so that the set need not describe it.
std::vector<HttpRule> http_rules_of(const google::protobuf::MethodDescriptor& method);

}  // namespace portcullis::policy::grpc_transcoding
