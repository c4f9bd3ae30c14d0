#pragma once

#include <optional>
#include <string>

#include "config/model.h"
#include "config/origin.h"
#include "control/tls_setup.h"

namespace portcullis::control {

// Reports the errors in a loaded configuration, except those in files for TLS.
void check_config(const config::Config& config, config::Diagnostics& diagnostics);

// Runs all checks on a reading, and warns of settings that are probably mistakes (control/warnings). Nothing
// when there are errors. Errors and warnings are added to the diagnostics of the reading.
std::optional<config::Config> load_config(config::Reading& reading, TlsState& tls);
// As above, without the warnings, which cost more than all else when little has changed.
std::optional<config::Config> load_without_warnings(config::Reading& reading, TlsState& tls);
// Reads and checks the configuration at `path`, a file or a folder, for a command that does not serve it.
std::optional<config::Config> load_config(const std::string& path, config::Diagnostics& diagnostics);
// As load_config(), with the text of a configuration; `name` is the name of the file in diagnostics.
std::optional<config::Config> load_config_text(const std::string& text, const std::string& name,
                                               config::Diagnostics& diagnostics);

}  // namespace portcullis::control
