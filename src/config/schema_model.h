#pragma once

#include "config/schema.h"

namespace portcullis::config {

// The description of a whole configuration (config::Config). Built once; any thread.
const ObjectType& config_type();

}  // namespace portcullis::config
