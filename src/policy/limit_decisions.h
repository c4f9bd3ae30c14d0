#pragma once

#include <string>

#include "policy/figures.h"
#include "telemetry/metric_set.h"

namespace portcullis::policy {

// Counts the decisions of a limit as a metric. Limits of the same name are counted together, also those of
// different policies.
struct LimitDecisions {
  // `limit` is the name in the metric: the name of the limit, or the name of the route when the limit has
  // none.
  LimitDecisions(telemetry::MetricSet& metrics, const std::string& limit)
      : allowed(of(metrics, limit, "allowed")),
        refused(of(metrics, limit, "refused")),
        would_refuse(of(metrics, limit, "would_refuse")),
        unavailable(of(metrics, limit, "unavailable")) {}

  // For Kind::with_metrics().
  static void declare(telemetry::MetricSet& metrics) {
    metrics.declare(telemetry::MetricSet::Type::kCounter, kName, kHelp);
  }
  // For Kind::with_figures(): the decisions of each limit.
  static Figures figures();

  telemetry::MetricCounter allowed;
  telemetry::MetricCounter refused;
  telemetry::MetricCounter would_refuse;  // requests that a dry run has let pass
  telemetry::MetricCounter unavailable;   // requests for which the server of shared limits could not be asked

 private:
  static constexpr const char* kName = "rate_limit_decisions_total";
  static constexpr const char* kHelp =
      "Decisions of rate limits and concurrency limits about requests, by limit (the name of the policy, or "
      "of its route) and outcome (allowed, refused, would_refuse: let pass by dry_run, or unavailable: the "
      "Redis server gave no answer).";

  static telemetry::MetricCounter of(telemetry::MetricSet& metrics, const std::string& limit,
                                     const char* outcome) {
    return metrics.counter(kName, kHelp, {{"limit", limit}, {"outcome", outcome}});
  }
};

}  // namespace portcullis::policy
