#pragma once

#include "config/schema.h"
#include "proxy/canary_rules.h"

namespace portcullis::config {

struct Canary : proxy::CanaryRules {
  Location location{};
};

// The canary of a request to publish a revision. It is no part of the configuration.
Type<Canary> canary_type();

}  // namespace portcullis::config
