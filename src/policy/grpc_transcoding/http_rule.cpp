#include "policy/grpc_transcoding/http_rule.h"

#include <google/protobuf/descriptor.pb.h>

#include "policy/grpc_transcoding/wire_fields.h"

namespace portcullis::policy::grpc_transcoding {
namespace {

// Field numbers of google/api/annotations.proto and google/api/http.proto.
constexpr int kHttpOption = 72295728;
enum RuleField {
  kGet = 2,
  kPut = 3,
  kPost = 4,
  kDelete = 5,
  kPatch = 6,
  kBody = 7,
  kCustom = 8,
  kAdditional = 11,
  kResponseBody = 12
};
enum CustomField { kCustomKind = 1, kCustomPath = 2 };

void read_rule(const std::string& bytes, bool is_additional, std::vector<HttpRule>& out) {
  HttpRule rule;
  std::vector<std::string> additional;
  for_each_text(bytes, [&](int number, const std::string& value) {
    const auto is = [&](const char* method) {
      rule.method = method;
      rule.path = value;
    };
    switch (number) {
      case kGet: is("GET"); break;
      case kPut: is("PUT"); break;
      case kPost: is("POST"); break;
      case kDelete: is("DELETE"); break;
      case kPatch: is("PATCH"); break;
      case kBody: rule.body = value; break;
      case kResponseBody: rule.response_body = value; break;
      case kAdditional: additional.push_back(value); break;
      case kCustom:
        for_each_text(value, [&](int part, const std::string& text) {
          if (part == kCustomKind) rule.method = text;
          if (part == kCustomPath) rule.path = text;
        });
        break;
      default: break;
    }
  });
  if (!rule.path.empty()) out.push_back(std::move(rule));
  if (is_additional) return;  // an additional binding must not have additional bindings
  for (const std::string& one : additional) read_rule(one, true, out);
}

}  // namespace

std::vector<HttpRule> http_rules_of(const google::protobuf::MethodDescriptor& method) {
  // When the descriptor set describes the extension, the pool knows the option as a field; the options type
  // of this program does not. Its bytes are the same in both cases.
  std::vector<HttpRule> out;
  for_each_text(method.options().SerializeAsString(), [&](int number, const std::string& value) {
    if (number == kHttpOption) read_rule(value, false, out);
  });
  return out;
}

}  // namespace portcullis::policy::grpc_transcoding
