#pragma once

#include "config/model.h"

namespace portcullis::config {

// Reports each assertion that does not hold, and the routes that violate it.
void check_assertions(const Config& config, Diagnostics& diagnostics);

}  // namespace portcullis::config
