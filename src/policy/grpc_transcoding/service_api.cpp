#include "policy/grpc_transcoding/service_api.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "policy/grpc_transcoding/http_rule.h"

namespace portcullis::policy::grpc_transcoding {

namespace pb = google::protobuf;

namespace {

constexpr char kTypePrefix[] = "type.googleapis.com";

class FirstError final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (text_.empty()) text_ = element + ": " + message;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Builds the files of the set in any order: each file needs the files that it imports. Returns what is wrong,
// or "".
std::string build_files(const pb::FileDescriptorSet& set, pb::DescriptorPool& pool) {
  std::vector<const pb::FileDescriptorProto*> waiting;
  for (const pb::FileDescriptorProto& file : set.file()) waiting.push_back(&file);
  const auto ready = [&](const pb::FileDescriptorProto* file) {
    const auto& imports = file->dependency();
    return std::all_of(imports.begin(), imports.end(),
                       [&](const std::string& name) { return pool.FindFileByName(name) != nullptr; });
  };
  while (!waiting.empty()) {
    auto next = std::find_if(waiting.begin(), waiting.end(), ready);
    const bool missing = next == waiting.end();
    if (missing) next = waiting.begin();  // the library reports the missing import
    FirstError error;
    if (pool.BuildFileCollectingErrors(**next, &error) == nullptr) {
      return (*next)->name() + ": " + error.text() +
             (missing ? " (protoc writes all files that are needed with --include_imports)" : "");
    }
    waiting.erase(next);
  }
  return "";
}

}  // namespace

const pb::FieldDescriptor* find_field(const pb::Descriptor& message, std::string_view name) {
  if (const auto* field = message.FindFieldByName(std::string(name))) return field;
  for (int i = 0; i < message.field_count(); ++i) {
    if (message.field(i)->json_name() == name) return message.field(i);
  }
  return nullptr;
}

const pb::FieldDescriptor* find_field_path(const pb::Descriptor& message, std::string_view path) {
  const pb::Descriptor* here = &message;
  for (;;) {
    const size_t dot = path.find('.');
    const pb::FieldDescriptor* field = find_field(*here, path.substr(0, dot));
    if (field == nullptr || dot == std::string_view::npos) return field;
    here = field->message_type();
    if (here == nullptr || field->is_repeated()) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

ServiceApi::ServiceApi() : pool_(std::make_unique<pb::DescriptorPool>()) {}

std::string ServiceApi::type_url(const pb::Descriptor& message) {
  return std::string(kTypePrefix) + "/" + message.full_name();
}

const HttpBinding* ServiceApi::find(std::string_view method, std::string_view path) const {
  const auto found = tree_.find(method, path);
  return found ? &bindings_[*found] : nullptr;
}

std::shared_ptr<const ServiceApi> ServiceApi::read(const std::string& content, const Choice& choice,
                                                   std::vector<Problem>& problems) {
  const auto complain = [&](Problem::Where where, std::string message) {
    problems.push_back({where, std::move(message)});
  };
  const std::shared_ptr<ServiceApi> api(new ServiceApi());
  pb::FileDescriptorSet set;
  if (!set.ParseFromString(content) || set.file_size() == 0) {
    complain(Problem::Where::kFile,
             "the file is not a descriptor set, as protoc writes it with --descriptor_set_out");
    return nullptr;
  }
  if (const std::string wrong = build_files(set, *api->pool_); !wrong.empty()) {
    complain(Problem::Where::kFile, wrong);
    return nullptr;
  }
  api->types_.reset(pb::util::NewTypeResolverForDescriptorPool(kTypePrefix, api->pool_.get()));

  std::vector<const pb::ServiceDescriptor*> all;
  std::vector<std::string_view> names;
  for (const pb::FileDescriptorProto& file : set.file()) {
    const pb::FileDescriptor* built = api->pool_->FindFileByName(file.name());
    for (int i = 0; i < built->service_count(); ++i) {
      all.push_back(built->service(i));
      names.emplace_back(built->service(i)->full_name());
    }
  }
  for (const std::string& wanted : choice.services) {
    if (std::find(names.begin(), names.end(), wanted) == names.end()) {
      complain(Problem::Where::kService,
               "no service named `" + wanted + "` in the descriptor set" + suggestion_for(wanted, names));
    }
  }
  for (const pb::ServiceDescriptor* service : all) {
    const auto& chosen = choice.services;
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), service->full_name()) == chosen.end())
      continue;
    for (int i = 0; i < service->method_count(); ++i)
      api->add_method(*service->method(i), choice.unannotated, problems);
  }
  if (problems.empty() && api->bindings_.empty())
    complain(Problem::Where::kFile, "the services have no method that can be called");
  return problems.empty() ? api : nullptr;
}

void ServiceApi::add_method(const pb::MethodDescriptor& method, bool unannotated,
                            std::vector<Problem>& problems) {
  const std::string call_path = "/" + method.service()->full_name() + "/" + method.name();
  const std::vector<HttpRule> rules = http_rules_of(method);
  for (const HttpRule& rule : rules)
    add_binding({&method, call_path, rule.method, {}, rule.body, rule.response_body}, rule.path, problems);
  if (rules.empty() && unannotated)
    add_binding({&method, call_path, "POST", {}, "*", ""}, call_path, problems);
}

void ServiceApi::add_binding(HttpBinding binding, std::string_view path, std::vector<Problem>& problems) {
  const auto complain = [&](const std::string& message) {
    problems.push_back({Problem::Where::kFile, binding.method->full_name() + ": " + message});
  };
  auto parsed = PathTemplate::parse(path);
  if (!parsed) return complain(parsed.error().message);
  binding.path = std::move(*parsed);
  const pb::Descriptor& input = *binding.method->input_type();
  for (const PathTemplate::Variable& variable : binding.path.variables) {
    const pb::FieldDescriptor* field = find_field_path(input, variable.field);
    if (field == nullptr || field->is_repeated() || field->message_type() != nullptr)
      complain("`{" + variable.field + "}` is not a single value of " + input.full_name());
  }
  if (binding.method->client_streaming() && binding.body != "*")
    complain("a stream of requests needs `body: \"*\"`");
  if (!binding.body.empty() && binding.body != "*" && input.FindFieldByName(binding.body) == nullptr)
    complain("its body `" + binding.body + "` is not a field of " + input.full_name());
  const pb::Descriptor& output = *binding.method->output_type();
  if (!binding.response_body.empty() && output.FindFieldByName(binding.response_body) == nullptr)
    complain("its response_body `" + binding.response_body + "` is not a field of " + output.full_name());
  if (!tree_.add(binding.path, binding.http_method, bindings_.size()))
    complain("`" + binding.http_method + " " + std::string(path) + "` belongs to another method too");
  bindings_.push_back(std::move(binding));
}

}  // namespace portcullis::policy::grpc_transcoding
