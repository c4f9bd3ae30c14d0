#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/model.h"
#include "config/origin.h"
#include "config/sources.h"

namespace portcullis::config {

// Reads the configuration at `path`, a file or a folder (see source_reader.h), and notes in `sources` what it
// is made of, also when reading fails. `kept`: what the last reading of this path has left; load() replaces
// it.
Reading read_path(const std::string& path, Sources& sources, std::shared_ptr<KeptItems> kept = nullptr);
// As read_path(), for a configuration in memory; `name` stands for the file in diagnostics.
Reading read_text(std::string_view text, const std::string& name, std::shared_ptr<KeptItems> kept = nullptr);

// Checks what was read and makes the configuration of it; what is found wrong is added to the reading's
// diagnostics. Nothing when there are errors; warnings alone do not fail. `catalog` holds the policies that
// may be used. The document is used up.
std::optional<Config> load(Reading& reading, const PolicyCatalog& catalog);

// Reads and checks a configuration from memory; `name` stands for the file in diagnostics.
std::optional<Config> load_text(std::string_view text, const std::string& name, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics);

// Loads only `admin` from the configuration at `path`, for commands that ask the gateway that serves it;
// mistakes elsewhere in the configuration do not matter. The result is not enabled() when the configuration
// has no `admin`. Empty when `admin` has mistakes, or the files are not valid YAML.
std::optional<Admin> load_admin(const std::string& path, Diagnostics& diagnostics);

}  // namespace portcullis::config
