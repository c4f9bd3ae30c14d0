#pragma once

#include <string>

namespace portcullis::cli {

// Asks a running gateway to reload, at `admin_address`, or else at the admin listener that the configuration
// at `config_path` names. Prints the outcome. Returns the exit code: 0 when the new configuration serves, 1
// when it was refused, 2 when the gateway could not be asked.
int reload(const std::string& config_path, const std::string& admin_address);

}  // namespace portcullis::cli
