#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace portcullis::policy::grpc_transcoding {

// The fields of google.api.HttpRule that the gateway needs.
struct HttpRule {
  std::string method;  // "GET"
  std::string path;    // a path template
  std::string body;
  std::string response_body;
};

// The rules of the google.api.http option of a method: the rule itself and its additional bindings. The
// option is an extension and is read from its bytes, so the descriptor set need not describe the extension.
std::vector<HttpRule> http_rules_of(const google::protobuf::MethodDescriptor& method);

}  // namespace portcullis::policy::grpc_transcoding
