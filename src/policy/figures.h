#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>

#include "telemetry/metric_share.h"

namespace portcullis::telemetry {
class LiveView;
}  // namespace portcullis::telemetry

namespace portcullis::policy {

// What a kind of policy shows in the live document of the admin API, from the metrics that it registers. The
// format is part of the admin API. Kinds that register the same metrics may declare the same figures.
struct Figures {
  std::string member;  // the name in the document
  // Reads the metrics by name; without a policy of the kind, they have no series.
  std::function<nlohmann::json(const telemetry::LiveView&)> tell;
  // What the history of the live view keeps for each second; only one kind may have it.
  telemetry::MetricShare share{};
};

}  // namespace portcullis::policy
