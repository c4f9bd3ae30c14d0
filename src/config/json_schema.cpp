#include "config/json_schema.h"

#include <nlohmann/json.hpp>

#include "config/schema_model.h"

namespace portcullis::config {

nlohmann::json json_schema(const PolicyCatalog& catalog) {
  nlohmann::json schema = config_type(catalog)->json_schema();
  // Required keys may be in another file of the configuration folder.
  schema.erase("if");
  schema.erase("else");
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Portcullis configuration";
  return schema;
}

}  // namespace portcullis::config
