#pragma once

#include <google/protobuf/descriptor.pb.h>

#include <string>

namespace portcullis::tests {

// A descriptor set with one service and a message that has a field of each kind:
//   Get: GET /v1/{name=shelves/*}   Set: PUT /v1/{name=shelves/*}, body `one`
//   Watch: a stream of answers      Import: a stream of requests            (both without a rule)
inline std::string shelf_descriptors() {
  using namespace google::protobuf;
  FileDescriptorSet set;
  FileDescriptorProto& file = *set.add_file();
  file.set_name("shelf.proto");
  file.set_package("shelf");
  file.set_syntax("proto3");
  DescriptorProto& shelf = *file.add_message_type();
  shelf.set_name("Shelf");
  const auto field = [&](const char* name, int number, FieldDescriptorProto::Type type,
                         bool repeated = false) {
    FieldDescriptorProto& one = *shelf.add_field();
    one.set_name(name);
    one.set_number(number);
    one.set_type(type);
    one.set_label(repeated ? FieldDescriptorProto::LABEL_REPEATED : FieldDescriptorProto::LABEL_OPTIONAL);
    if (type == FieldDescriptorProto::TYPE_MESSAGE) one.set_type_name(".shelf.Shelf");
  };
  field("name", 1, FieldDescriptorProto::TYPE_STRING);
  field("one", 2, FieldDescriptorProto::TYPE_MESSAGE);
  field("many", 3, FieldDescriptorProto::TYPE_MESSAGE, true);
  field("book_count", 4, FieldDescriptorProto::TYPE_INT64);
  field("open", 5, FieldDescriptorProto::TYPE_BOOL);
  field("content", 6, FieldDescriptorProto::TYPE_BYTES);
  field("tags", 7, FieldDescriptorProto::TYPE_STRING, true);
  field("weight", 8, FieldDescriptorProto::TYPE_DOUBLE);
  field("counts", 9, FieldDescriptorProto::TYPE_INT32, true);
  field("prices", 10, FieldDescriptorProto::TYPE_FLOAT, true);
  ServiceDescriptorProto& service = *file.add_service();
  service.set_name("Shelves");
  const auto method = [&](const char* name, bool streams_in, bool streams_out) -> MethodDescriptorProto& {
    MethodDescriptorProto& one = *service.add_method();
    one.set_name(name);
    one.set_input_type(".shelf.Shelf");
    one.set_output_type(".shelf.Shelf");
    one.set_client_streaming(streams_in);
    one.set_server_streaming(streams_out);
    return one;
  };
  const auto bind = [](MethodDescriptorProto& to, int verb, const char* path, const char* body) {
    UnknownFieldSet rule;  // google.api.HttpRule
    rule.AddLengthDelimited(verb, path);
    if (*body != 0) rule.AddLengthDelimited(7, body);
    std::string bytes;
    rule.SerializeToString(&bytes);
    MethodOptions& options = *to.mutable_options();
    options.GetReflection()->MutableUnknownFields(&options)->AddLengthDelimited(72295728, bytes);
  };
  bind(method("Get", false, false), 2, "/v1/{name=shelves/*}", "");
  bind(method("Set", false, false), 3, "/v1/{name=shelves/*}", "one");
  method("Watch", false, true);
  method("Import", true, false);
  return set.SerializeAsString();
}

}  // namespace portcullis::tests
