#include "control/admin/documents.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "base/text.h"
#include "config/object.h"
#include "config/yaml.h"
#include "config/yaml_writer.h"
#include "control/admin/call_check.h"
#include "control/admin/problem.h"
#include "control/operations.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// Each value of a YAML text has a line of its own, or one of these characters before it.
bool has_too_many_values(std::string_view yaml) {
  const auto begins_value = [](char c) { return c == '\n' || c == ',' || c == '[' || c == '{'; };
  return static_cast<size_t>(std::count_if(yaml.begin(), yaml.end(), begins_value)) > kMaxDocumentValues;
}

std::optional<ServerAnswer> read_yaml(std::string_view body, json& out) {
  if (has_too_many_values(body)) return refuse_large_document();
  config::Diagnostics diagnostics;
  const auto root = config::parse_yaml(body, "body", diagnostics);
  if (root == nullptr || diagnostics.has_errors()) {
    Problem problem{.status = 400, .detail = "the body is not YAML"};
    for (const config::Diagnostic& one : diagnostics.sorted()) {
      json told = diagnostic_at("", one.message);
      told["line"] = one.location.line();
      told["column"] = one.location.column;
      problem.diagnostics.push_back(std::move(told));
    }
    return problem.answer();
  }
  auto written = config::written_json(*root);
  if (!written)
    return Problem{.status = 400,
                   .detail = written.error().message,
                   .diagnostics = json::array({diagnostic_at("", written.error().message)})}
        .answer();
  out = std::move(*written);
  return std::nullopt;
}

}  // namespace

std::string media_type_of(const ServerRequest& request) {
  const http::Field* field = request.head.fields.find("content-type");
  if (field == nullptr) return {};
  return to_lower(trim(field->value.substr(0, field->value.find(';'))));
}

Task<std::optional<ServerAnswer>> read_document(const AdminWorld& world, const CallRequest& request,
                                                json& out) {
  // To parse a larger body takes longer than to ask another thread. The aliases of a small one can stand for
  // much.
  static constexpr size_t kLargeBody = 64 << 10;
  // NOLINTNEXTLINE(bugprone-exception-escape): no member throws when it is moved
  struct Parsed {
    std::optional<ServerAnswer> refusal{};
    json document{};
  };
  const bool is_yaml = media_type_of(request.http) == media_type::kYaml;
  const auto parse = is_yaml ? read_yaml : read_json;
  const bool may_grow = is_yaml && request.http.body.find('*') != std::string::npos;
  if (request.http.body.size() <= kLargeBody && !may_grow) co_return parse(request.http.body, out);
  const auto body = std::make_shared<const std::string>(request.http.body);
  std::function<std::shared_ptr<Parsed>()> work = [parse, body] {
    auto parsed = std::make_shared<Parsed>();
    parsed->refusal = parse(*body, parsed->document);
    return parsed;
  };
  Task<Result<std::shared_ptr<Parsed>>> parsing =
      world.operations.changes().run_aside<std::shared_ptr<Parsed>>(std::move(work));
  const Result<std::shared_ptr<Parsed>> parsed = co_await parsing;
  if (!parsed) co_return refuse_call(503, parsed.error().message, "retry-after: 1\r\n");
  out = std::move((*parsed)->document);
  co_return std::move((*parsed)->refusal);
}

bool accepts(const CallRequest& request, const char* media_type) {
  const std::string accepted = to_lower(request.field("accept"));
  const size_t at = accepted.find(media_type);
  return at != std::string::npos && at <= accepted.find(media_type::kJson);
}

ServerAnswer document_answer(const CallRequest& request, const json& document, uint16_t status,
                             std::string fields) {
  ServerAnswer out = json_answer(document, status);
  if (accepts(request, media_type::kYaml)) {
    out.content_type = media_type::kYaml;
    out.body = config::yaml_of_json(document);
  }
  out.fields = "vary: accept\r\n" + std::move(fields);
  return out;
}

json as_json(const std::vector<Finding>& findings) {
  json out = json::array();
  for (const Finding& one : findings) {
    json told = diagnostic_at(one.path, one.message);
    told["severity"] = name_of(one.severity);
    if (one.object) told["object"] = {{"kind", one.object->kind->word()}, {"name", one.object->name}};
    if (!one.file.empty()) {
      told["file"] = one.file;
      told["line"] = one.line;
      told["column"] = one.column;
    }
    out.push_back(std::move(told));
  }
  return out;
}

ServerAnswer answer_of(const Refusal& refusal) {
  return Problem{.status = static_cast<uint16_t>(refusal.status),
                 .detail = refusal.title,
                 .diagnostics = as_json(refusal.findings),
                 .members = refusal.members,
                 .fields = refusal.retry_later ? "retry-after: 5\r\n" : ""}
      .answer();
}

std::optional<uint64_t> number_of(const CallRequest& request, const char* parameter, uint64_t otherwise) {
  const auto given = request.parameter(parameter);
  return given ? parse_decimal(*given) : std::optional<uint64_t>(otherwise);
}

std::optional<bool> flag_of(const CallRequest& request, const char* parameter, bool otherwise) {
  const auto given = request.parameter(parameter);
  if (!given) return otherwise;
  if (*given != "true" && *given != "false") return std::nullopt;
  return *given == "true";
}

}  // namespace portcullis::control
