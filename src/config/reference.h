#pragma once

#include <string>

#include "config/policy_type.h"

namespace portcullis::config {

// The text of docs/configuration.md, generated from the same description that the loader uses.
std::string reference_page(const PolicyCatalog& catalog);

}  // namespace portcullis::config
