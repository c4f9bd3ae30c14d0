#include "config/json_schema.h"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

#include "config/schema_model.h"

namespace portcullis::config {
namespace {

constexpr const char* kDraft = "https://json-schema.org/draft/2020-12/schema";

}  // namespace

nlohmann::json json_schema(const PolicyCatalog& catalog) {
  nlohmann::json schema = config_type(catalog)->json_schema();
  // Required keys may be in another file of the configuration folder.
  schema.erase("if");
  schema.erase("else");
  schema["$schema"] = kDraft;
  schema["title"] = "Portcullis configuration";
  return schema;
}

nlohmann::json object_schema(const PolicyCatalog& catalog, const ObjectKind& kind) {
  nlohmann::json schema = std::move(config_type(catalog)->json_schema()["properties"][std::string(kind.key)]);
  if (!kind.is_single) schema = nlohmann::json(std::move(schema["items"]));
  schema["$schema"] = kDraft;
  schema["title"] = kind.noun;
  return schema;
}

}  // namespace portcullis::config
