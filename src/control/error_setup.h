#pragma once

#include <memory>

#include "config/model.h"
#include "proxy/error_rules.h"

namespace portcullis::control {

// Reports reasons, conditions and bodies of `errors` that are not valid.
void check_errors(const config::Config& config, config::Diagnostics& diagnostics);

// Compiles the rules of `errors`, which must have passed check_errors(). Null when there are none.
std::shared_ptr<const proxy::ErrorRules> compile_errors(const config::Config& config);

}  // namespace portcullis::control
