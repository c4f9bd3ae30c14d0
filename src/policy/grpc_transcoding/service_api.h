#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/type_resolver.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/grpc_transcoding/path_template.h"

namespace portcullis::policy::grpc_transcoding {

// One way to call a method by HTTP: a google.api.HttpRule, or the default binding.
struct HttpBinding {
  const google::protobuf::MethodDescriptor* method;
  std::string call_path;  // "/package.Service/Method"
  std::string http_method;
  PathTemplate path;
  // The field that the body becomes; "*" for the whole message; empty when there is no body.
  std::string body;
  std::string response_body;  // the field that becomes the response; empty for the whole message
};

// The gRPC services of a descriptor set, with the HTTP bindings of their google.api.http options. Immutable;
// may be used on any thread.
class ServiceApi {
 public:
  // An error in a descriptor set or in the choice of services.
  struct Problem {
    enum class Where { kFile, kService } where;
    std::string message;
  };
  struct Choice {
    std::vector<std::string> services;  // names such as "package.Service"; empty for all services of the set
    bool unannotated = true;            // adds POST /package.Service/Method for methods without a rule
  };

  // `content` is a serialised google.protobuf.FileDescriptorSet. Returns null when there are `problems`.
  static std::shared_ptr<const ServiceApi> read(const std::string& content, const Choice& choice,
                                                std::vector<Problem>& problems);

  // The binding that matches a request, or null.
  const HttpBinding* find(std::string_view method, std::string_view path) const;

  google::protobuf::util::TypeResolver* types() const { return types_.get(); }
  // The name under which the type resolver knows a message.
  static std::string type_url(const google::protobuf::Descriptor& message);
  // The description of a message; null when the set does not describe the message.
  const google::protobuf::Descriptor* find_message(const std::string& name) const {
    return pool_->FindMessageTypeByName(name);
  }

 private:
  ServiceApi();
  void add_method(const google::protobuf::MethodDescriptor& method, bool unannotated,
                  std::vector<Problem>& problems);
  void add_binding(HttpBinding binding, std::string_view path, std::vector<Problem>& problems);

  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::unique_ptr<google::protobuf::util::TypeResolver> types_;
  std::vector<HttpBinding> bindings_;
  PathTree tree_;
};

// True for google.api.HttpBody, a message that holds a raw body.
inline bool is_http_body(const google::protobuf::Descriptor& message) {
  return message.full_name() == "google.api.HttpBody";
}
// The field of `message` with this name or JSON name, or null.
const google::protobuf::FieldDescriptor* find_field(const google::protobuf::Descriptor& message,
                                                    std::string_view name);
// The field at the end of a path through messages that are not repeated, such as "shelf.name"; null when
// there is none.
const google::protobuf::FieldDescriptor* find_field_path(const google::protobuf::Descriptor& message,
                                                         std::string_view path);

}  // namespace portcullis::policy::grpc_transcoding
