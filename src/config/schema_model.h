#pragma once

#include "config/policy_type.h"
#include "config/schema.h"

namespace portcullis::config {

struct Config;

// The description of a whole configuration; `catalog` has the available policies.
Type<Config> config_type(const PolicyCatalog& catalog);

}  // namespace portcullis::config
