#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/policy_type.h"

namespace portcullis::config {

// The JSON Schema (draft 2020-12) of a configuration file, from the same description that the loader uses: it
// takes what the loader takes, also a file of a configuration folder by itself, variables of the environment,
// merge keys and keys of the author's own.
nlohmann::json json_schema(const PolicyCatalog& catalog);

}  // namespace portcullis::config
