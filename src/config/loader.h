#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/model.h"

namespace portcullis::config {

// Reads and checks the configuration in a file. Nothing when there are errors; warnings alone do not fail.
// `${NAME}` in a value stands for that environment variable.
std::optional<Config> load_file(const std::string& path, Diagnostics& diagnostics);

// The same from memory; `name` stands for the file in diagnostics.
std::optional<Config> load_text(std::string_view text, const std::string& name, Diagnostics& diagnostics);

}  // namespace portcullis::config
