#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "config/model.h"
#include "identity/directory.h"
#include "telemetry/metric_set.h"

namespace portcullis::policy {

class Services;

// What a policy may look at, and hold on to, when it is built.
struct BuildContext {
  std::shared_ptr<const identity::Directory> consumers;
  const config::Config& config;   // while it is built
  telemetry::MetricSet& metrics;  // where the policy registers its own; outlives every snapshot
  Services& services;             // outlives every snapshot
  size_t workers;                 // how many
  std::string_view place;         // the route's name; empty: the policies of every route
  config::Location location;      // of the policy in the configuration
};

}  // namespace portcullis::policy
