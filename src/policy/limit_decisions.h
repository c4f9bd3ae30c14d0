#pragma once

#include <string>

#include "telemetry/metric_set.h"

namespace portcullis::policy {

// How a limit has judged requests, as a metric. Limits of the same name count together, also those of
// different policies.
struct LimitDecisions {
  // `limit`: the name in the metric; the limit's own, or else that of the route where it stands.
  LimitDecisions(telemetry::MetricSet& metrics, const std::string& limit)
      : allowed(of(metrics, limit, "allowed")),
        refused(of(metrics, limit, "refused")),
        would_refuse(of(metrics, limit, "would_refuse")),
        unavailable(of(metrics, limit, "unavailable")) {}

  // For Kind::with_metrics().
  static void declare(telemetry::MetricSet& metrics) {
    metrics.declare(telemetry::MetricSet::Type::kCounter, kName, kHelp);
  }

  telemetry::MetricCounter allowed;
  telemetry::MetricCounter refused;
  telemetry::MetricCounter would_refuse;  // in a dry run
  telemetry::MetricCounter unavailable;   // the server of the limits could not be asked

 private:
  static constexpr const char* kName = "rate_limit_decisions_total";
  static constexpr const char* kHelp = "Requests that a rate limit judged, by outcome.";

  static telemetry::MetricCounter of(telemetry::MetricSet& metrics, const std::string& limit,
                                     const char* outcome) {
    return metrics.counter(kName, kHelp, {{"limit", limit}, {"outcome", outcome}});
  }
};

}  // namespace portcullis::policy
