#include "policy/limit_decisions.h"

#include <nlohmann/json.hpp>

#include "policy/outcome_figures.h"

namespace portcullis::policy {
namespace {

using nlohmann::json;

json tell(const telemetry::LiveView& view) {
  json out = json::array();
  for (auto& [limit, outcomes] : outcomes_by(view, "rate_limit_decisions_total", "limit"))
    out.push_back({{"name", limit},
                   {"allowed", rounded(outcomes["allowed"].rate)},
                   {"refused", rounded(outcomes["refused"].rate)},
                   {"would_refuse", rounded(outcomes["would_refuse"].rate)},
                   {"unavailable", rounded(outcomes["unavailable"].rate)},
                   {"total_refused", whole(outcomes["refused"].total)}});
  return out;
}

}  // namespace

Figures LimitDecisions::figures() {
  return {.member = "limits", .tell = tell};
}

}  // namespace portcullis::policy
