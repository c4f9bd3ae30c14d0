#include "control/admin/openapi.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "control/admin/problem.h"
#include "control/admin/shapes.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

json reference(const std::string& to) {
  return {{"$ref", "#/components/" + to}};
}

json describe_parameter(const Call::Parameter& parameter, const char* place) {
  json out{{"name", parameter.name},
           {"in", place},
           {"description", parameter.summary},
           {"schema", parameter.schema}};
  if (std::string_view(place) == "path") out["required"] = true;
  return out;
}

json describe_answer(const Call::Answer& answer, bool versioned) {
  json out{{"description", answer.summary}};
  if (answer.media_type == media_type::kProblem) {
    out["content"][answer.media_type]["schema"] = reference("schemas/Problem");
  } else if (!answer.media_type.empty()) {
    out["content"][answer.media_type]["schema"] = answer.schema;
  }
  if (versioned) out["headers"]["Portcullis-Revision"] = reference("headers/Revision");
  return out;
}

json describe_call(const Call& call) {
  json out{{"operationId", call.id},
           {"summary", call.summary},
           {"tags", json::array({call.group})},
           {"parameters", json::array()},
           {"responses", json::object()}};
  if (!call.description.empty()) out["description"] = call.description;
  for (const auto& one : call.variables) out["parameters"].push_back(describe_parameter(one, "path"));
  for (const auto& one : call.parameters) out["parameters"].push_back(describe_parameter(one, "query"));
  if (call.effect == Call::Effect::kWrites) out["parameters"].push_back(reference("parameters/Message"));
  if (call.body) {
    out["requestBody"]["required"] = call.body->required;
    for (const std::string& type : call.body->media_types)
      out["requestBody"]["content"][type]["schema"] = call.body->schema;
  }
  const bool versioned = call.path.starts_with("/v1/");
  for (const Call::Answer& answer : answers_of(call))
    out["responses"][std::to_string(answer.status)] = describe_answer(answer, versioned);
  if (!call.role) {
    out["security"] = json::array();
  } else {
    out["x-role"] = name_of(*call.role);
  }
  return out;
}

json describe_components() {
  const json message{{"name", "Portcullis-Message"},
                     {"in", "header"},
                     {"description", "Why the change is made, for the audit log: UTF-8, at most 1024 bytes."},
                     {"schema", {{"type", "string"}}}};
  const json revision{{"description", "The number of the revision in force."},
                      {"schema", {{"type", "integer"}}}};
  const json bearer{{"type", "http"}, {"scheme", "bearer"}, {"description", "A token in `admin.tokens`."}};
  const json cookie{{"type", "apiKey"},
                    {"in", "cookie"},
                    {"name", "portcullis_session"},
                    {"description", "The session that `POST /login` begins."}};
  return {{"schemas", {{"Problem", problem_schema()}}},
          {"parameters", {{"Message", message}}},
          {"headers", {{"Revision", revision}}},
          {"securitySchemes", {{"token", bearer}, {"session", cookie}}}};
}

}  // namespace

std::vector<Call::Answer> answers_of(const Call& call) {
  std::vector<Call::Answer> out = call.answers;
  const auto add = [&out](uint16_t status, const char* summary) {
    const bool known =
        std::any_of(out.begin(), out.end(), [status](const auto& one) { return one.status == status; });
    if (!known) out.push_back({status, summary, media_type::kProblem});
  };
  add(400, "The request is not well formed.");
  if (call.role) {
    add(401, "A token is needed.");
    add(421, "The request names the listener by a name that is not in `admin.hosts`.");
  }
  if (call.role || call.method != "GET")
    add(403, "The token's role does not allow the call, or a web page of another site asks.");
  const bool has_node = std::any_of(call.parameters.begin(), call.parameters.end(),
                                    [](const auto& one) { return one.name == "node"; });
  if (has_node || !call.variables.empty()) add(404, "There is no such object, or no such node.");
  if (call.method != "GET") {
    add(408, "The body did not arrive in time.");
    add(413, "The body is too large.");
    add(503, "The bodies of other requests take the memory.");
  }
  if (call.body && call.body->media_types.front() != "*/*") add(415, "The body has another media type.");
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.status < b.status; });
  return out;
}

json openapi_document(const CallTable& calls) {
  json paths = json::object(), tags = json::array();
  std::vector<std::string> groups;
  for (const Call& call : calls.all()) {
    std::string method = call.method;
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(c | 0x20); });
    paths[call.path][method] = describe_call(call);
    if (std::find(groups.begin(), groups.end(), call.group) == groups.end()) groups.push_back(call.group);
  }
  for (const std::string& group : groups)
    tags.push_back({{"name", group}, {"description", "The calls of the group " + group + "."}});
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Portcullis admin API"},
            {"version", PORTCULLIS_VERSION},
            {"summary", "Operating a Portcullis gateway."},
            {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
          {"servers", json::array({{{"url", "/"}}})},
          {"security", json::array({{{"token", json::array()}}, {{"session", json::array()}}})},
          {"tags", std::move(tags)},
          {"paths", std::move(paths)},
          {"components", describe_components()}};
}

}  // namespace portcullis::control
