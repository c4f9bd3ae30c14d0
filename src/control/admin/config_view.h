#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/model.h"

namespace portcullis::control {

// The configuration in force as JSON for the dashboard: listeners, routes with their policies and the places
// in the files, upstreams, consumers. The document has no secrets and no hashes of secrets.
nlohmann::json describe_config(const config::Config& config);

}  // namespace portcullis::control
