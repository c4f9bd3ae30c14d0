#pragma once

#include <memory>

#include "config/policy_type.h"
#include "config/schema.h"

namespace portcullis::config {

// The description of a whole configuration (config::Config) in which the policies of `catalog` may be used.
std::unique_ptr<ObjectType> config_type(const PolicyCatalog& catalog);

}  // namespace portcullis::config
