#include "control/admin/shapes.h"

namespace portcullis::control::shape {
namespace {

using nlohmann::json;

json typed(const char* type, std::string description) {
  json out{{"type", type}};
  if (!description.empty()) out["description"] = std::move(description);
  return out;
}

}  // namespace

json text(std::string description) {
  return typed("string", std::move(description));
}

json integer(std::string description) {
  return typed("integer", std::move(description));
}

json number(std::string description) {
  return typed("number", std::move(description));
}

json boolean(std::string description) {
  return typed("boolean", std::move(description));
}

json choice(const std::vector<std::string>& words) {
  return {{"type", "string"}, {"enum", words}};
}

json list(json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

json anything(std::string description) {
  json out = json::object();
  if (!description.empty()) out["description"] = std::move(description);
  return out;
}

json any(const std::string& type, std::string description) {
  return typed(type.c_str(), std::move(description));
}

json object(const std::vector<std::pair<std::string, json>>& members, std::vector<std::string> required) {
  json properties = json::object();
  const bool all = required.empty();
  for (const auto& [name, schema] : members) {
    properties[name] = schema;
    if (all) required.push_back(name);
  }
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

json or_null(json schema) {
  schema["type"] = json::array({schema["type"], "null"});
  return schema;
}

json by_node(json its) {
  json nodes{{"type", "object"},
             {"description", "What each node has done, by its id."},
             {"additionalProperties", std::move(its)}};
  return object({{"nodes", std::move(nodes)}});
}

}  // namespace portcullis::control::shape
