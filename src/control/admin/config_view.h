#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/model.h"

namespace portcullis::control {

// The configuration in force, as the dashboard shows it: listeners, routes with their policies and where they
// are written, upstreams, consumers. No secrets, and no hashes of them.
nlohmann::json describe_config(const config::Config& config);

}  // namespace portcullis::control
