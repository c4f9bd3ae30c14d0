#include "config/json_schema.h"

#include <nlohmann/json.hpp>

#include "config/schema_model.h"

namespace portcullis::config {

nlohmann::json json_schema(const PolicyCatalog& catalog) {
  nlohmann::json schema = config_type(catalog)->json_schema();
  // What a configuration must have may stand in another file of its folder.
  schema.erase("if");
  schema.erase("else");
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Portcullis configuration";
  return schema;
}

}  // namespace portcullis::config
