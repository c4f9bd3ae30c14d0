#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "config/model.h"
#include "identity/directory.h"
#include "telemetry/metric_set.h"

namespace portcullis::policy {

class Services;

// The input from which a policy is built.
struct BuildContext {
  std::shared_ptr<const identity::Directory> consumers;
  const config::Config& config;   // valid only during the construction of the policy
  telemetry::MetricSet& metrics;  // where the policy registers its metrics; outlives every snapshot
  Services& services;             // outlives every snapshot
  size_t workers;                 // the number of workers
  std::string_view place;         // the route's name; empty for the policies of all routes
  config::Location location;      // where the policy stands in the configuration
};

}  // namespace portcullis::policy
