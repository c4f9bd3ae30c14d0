#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/model.h"
#include "config/sources.h"

namespace portcullis::config {

// Reads and checks the configuration at `path`, a file or a folder (see source_reader.h). `sources` receives
// the files that were read, even on failure. Empty when there are errors; warnings alone do not fail.
// `catalog` has the available policies.
std::optional<Config> load_path(const std::string& path, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics, Sources& sources);
// Like load_path(), for any source. For a text, `sources` stays empty.
std::optional<Config> load(const Source& source, const PolicyCatalog& catalog, Diagnostics& diagnostics,
                           Sources& sources);

// Like load_path(), for a text in memory; `name` stands for the file in diagnostics.
std::optional<Config> load_text(std::string_view text, const std::string& name, const PolicyCatalog& catalog,
                                Diagnostics& diagnostics);

// Loads only `admin` from the configuration at `path`, for commands that ask the gateway that serves it;
// mistakes elsewhere in the configuration do not matter. The result is not enabled() when the configuration
// has no `admin`. Empty when `admin` has mistakes, or the files are not valid YAML.
std::optional<Admin> load_admin(const std::string& path, Diagnostics& diagnostics);

}  // namespace portcullis::config
