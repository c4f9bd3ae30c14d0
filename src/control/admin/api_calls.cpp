// The calls about the API itself and its documents.

#include <map>
#include <string_view>
#include <utility>

#include "config/json_schema.h"
#include "control/admin/call_table.h"
#include "control/admin/documents.h"
#include "control/admin/openapi.h"
#include "control/admin/problem.h"
#include "control/admin/shapes.h"
#include "policy/registry.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// The schemas of objects by their kinds, which are made once.
const json* find_object_schema(const std::string& word) {
  static const auto schemas = [] {
    std::map<std::string_view, json> out;
    for (const config::ObjectKind& kind : config::object_kinds())
      out.emplace(kind.key, config::object_schema(policy::catalog(), kind));
    return out;
  }();
  const config::ObjectKind* const kind = config::find_object_kind(word);
  return kind == nullptr ? nullptr : &schemas.at(kind->key);
}

ServerAnswer get_schema(const AdminWorld&, const CallRequest& request) {
  const std::string word = request.variable("kind");
  const json* const schema = find_object_schema(word);
  if (schema == nullptr) return refuse_call(404, "`" + word + "` is not a kind of objects");
  return json_answer(*schema);
}

Task<ServerAnswer> convert_document(const AdminWorld& world, const CallRequest& request) {
  json document;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  co_return document_answer(request, document);
}

ServerAnswer list_kinds(const AdminWorld&, const CallRequest&) {
  json items = json::array();
  for (const config::ObjectKind& kind : config::object_kinds())
    items.push_back({{"kind", kind.word()}, {"noun", kind.noun}, {"single", kind.is_single}});
  return json_answer({{"items", std::move(items)}});
}

Call kinds_call() {
  const json kind =
      shape::object({{"kind", shape::text("As in the paths of the calls on its objects.")},
                     {"noun", shape::text("What one object is called.")},
                     {"single", shape::boolean("Whether there is a single object without a name: a list.")}});
  return {.method = "GET",
          .path = "/v1/schema",
          .id = "listKinds",
          .group = "Description",
          .summary = "The kinds of objects",
          .answers = {{200, "The kinds.", media_type::kJson, shape::object({{"items", shape::list(kind)}})}},
          .handle = at_once(list_kinds)};
}

Call schema_call() {
  return {.method = "GET",
          .path = "/v1/schema/{kind}",
          .id = "getObjectSchema",
          .group = "Description",
          .summary = "The JSON Schema of the objects of a kind",
          .description =
              "The schema (draft 2020-12) of one object, or of the whole list where a kind has a "
              "single object. Secrets have the format `password`.",
          .variables = {{"kind", "The kind, such as `routes`."}},
          .answers = {{200, "The schema.", media_type::kJson, shape::any("object")}},
          .handle = at_once(get_schema)};
}

Call convert_call() {
  static constexpr uint64_t kMaxDocument = 1 << 20;
  return {.method = "POST",
          .path = "/v1/convert",
          .id = "convertDocument",
          .group = "Description",
          .summary = "Write a document in another form",
          .description =
              "The answer is the document of the body, as YAML with `Accept: application/yaml`, or "
              "else as JSON. The document is not checked, and nothing is stored.",
          .body = Call::Body{.media_types = {media_type::kJson, media_type::kYaml},
                             .schema = shape::anything(),
                             .max_bytes = kMaxDocument},
          .answers = {{200, "The document.", media_type::kJson, shape::anything()}},
          .handle = convert_document};
}

}  // namespace

void add_api_calls(CallTable& table) {
  table.add({.method = "GET",
             .path = "/v1/openapi.json",
             .id = "getOpenApi",
             .group = "Description",
             .summary = "This API as an OpenAPI 3.1 document",
             .answers = {{200, "The document.", media_type::kJson, shape::any("object")}},
             .handle = at_once([](const AdminWorld&, const CallRequest&) {
               static const json document = openapi_document(admin_calls());
               return json_answer(document);
             })});
  table.add(kinds_call());
  table.add(schema_call());
  table.add(convert_call());
}

}  // namespace portcullis::control
