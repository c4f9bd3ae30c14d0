#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/object.h"
#include "config/policy_type.h"

namespace portcullis::config {

// The JSON Schema (draft 2020-12) of a configuration file, generated from the description that the loader
// uses. It accepts what the loader accepts, including single files of a configuration folder, environment
// variables, merge keys and extension keys.
nlohmann::json json_schema(const PolicyCatalog& catalog);

// The part of that schema which describes one object of the kind, or the whole value of a single object.
nlohmann::json object_schema(const PolicyCatalog& catalog, const ObjectKind& kind);

}  // namespace portcullis::config
