#pragma once

#include <nlohmann/json_fwd.hpp>

#include "telemetry/live_view.h"

namespace portcullis::control {

// Members of the live document that belong to single policies; the format is part of the admin API. Each
// member is read by name from the metrics that the policy registers, and is empty without such a policy.

// The share of requests that a cache has answered among those that it could have answered.
telemetry::MetricShare cache_hits();

// The member `cache`: the use of the store, and the hits of each route.
nlohmann::json cache_figures(const telemetry::LiveView& view);

// The member `limits`: the decisions of each limit.
nlohmann::json limit_figures(const telemetry::LiveView& view);

}  // namespace portcullis::control
