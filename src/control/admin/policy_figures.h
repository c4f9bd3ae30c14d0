#pragma once

#include <nlohmann/json_fwd.hpp>

#include "telemetry/live_view.h"

namespace portcullis::control {

// Members of the live view that the admin API has promised for single policies. Each is read from the metrics
// that the policy registers, by their names; without such a policy it is empty.

// Requests that a cache has answered, of those that it could have answered.
telemetry::MetricShare cache_hits();

// The member `cache`: what the store takes, and each route's hits.
nlohmann::json cache_figures(const telemetry::LiveView& view);

// The member `limits`: how each limit decides.
nlohmann::json limit_figures(const telemetry::LiveView& view);

}  // namespace portcullis::control
