#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/policy_type.h"

namespace portcullis::config {

// The JSON Schema (draft 2020-12) of a configuration file, generated from the description that the loader
// uses. It accepts what the loader accepts, including single files of a configuration folder, environment
// variables, merge keys and extension keys.
nlohmann::json json_schema(const PolicyCatalog& catalog);

}  // namespace portcullis::config
