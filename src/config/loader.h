#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/model.h"

namespace portcullis::config {

// Reads and checks the configuration in a file. Nothing when there are errors; warnings alone do not fail.
// `${NAME}` in a value stands for that environment variable.
// `catalog` holds the policies that may be used.
std::optional<Config> load_file(const std::string& path, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics);

// The same from memory; `name` stands for the file in diagnostics.
std::optional<Config> load_text(std::string_view text, const std::string& name, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics);

}  // namespace portcullis::config
