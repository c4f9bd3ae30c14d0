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

// One way to call a method by HTTP: a google.api.HttpRule, or the default one.
struct HttpBinding {
  const google::protobuf::MethodDescriptor* method;
  std::string call_path;  // "/package.Service/Method"
  std::string http_method;
  PathTemplate path;
  std::string body;           // the field that the body is; "*": the whole message; empty: there is none
  std::string response_body;  // the field that is the response; empty: all of it
};

// The gRPC services of a descriptor set, with the ways to call them by HTTP that their google.api.http
// options tell. Immutable; any thread.
class ServiceApi {
 public:
  // What is wrong with a set.
  struct Problem {
    enum class Where { kFile, kService } where;
    std::string message;
  };
  struct Choice {
    std::vector<std::string> services;  // "package.Service"; empty: all of the set
    bool unannotated = true;            // POST /package.Service/Method for methods without a rule
  };

  // `content`: a serialised google.protobuf.FileDescriptorSet. Null when there are `problems`.
  static std::shared_ptr<const ServiceApi> read(const std::string& content, const Choice& choice,
                                                std::vector<Problem>& problems);

  // The binding that a request asks for, or null.
  const HttpBinding* find(std::string_view method, std::string_view path) const;

  google::protobuf::util::TypeResolver* types() const { return types_.get(); }
  // How the resolver knows a message.
  static std::string type_url(const google::protobuf::Descriptor& message);
  // Null when the set does not describe it.
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

// google.api.HttpBody, which is a body in a message.
inline bool is_http_body(const google::protobuf::Descriptor& message) {
  return message.full_name() == "google.api.HttpBody";
}
// The field of `message` that JSON or a query calls so: by its name there, or its JSON name; or null.
const google::protobuf::FieldDescriptor* find_field(const google::protobuf::Descriptor& message,
                                                    std::string_view name);
// The field at the end of a path of single messages, "shelf.name"; null when there is none.
const google::protobuf::FieldDescriptor* find_field_path(const google::protobuf::Descriptor& message,
                                                         std::string_view path);

}  // namespace portcullis::policy::grpc_transcoding
