#pragma once

#include "config/model.h"

namespace portcullis::config {

// Reports each assertion that does not hold, with the routes that break it.
void check_assertions(const Config& config, Diagnostics& diagnostics);

}  // namespace portcullis::config
