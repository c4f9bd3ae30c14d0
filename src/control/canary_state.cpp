#include "control/canary_state.h"

#include <nlohmann/json.hpp>

#include "config/value_types.h"

namespace portcullis::control {
namespace {

using nlohmann::json;
using std::chrono::system_clock;

std::string second_of(system_clock::time_point moment) {
  return config::print_timestamp(std::chrono::floor<std::chrono::seconds>(moment));
}

json json_of(const CanaryCounts& counts) {
  json out{{"requests", counts.requests}, {"errors", counts.errors}, {"mean_ms", nullptr}};
  if (counts.requests > 0)
    out["mean_ms"] = static_cast<double>(counts.duration) / 1'000.0 / static_cast<double>(counts.requests);
  return out;
}

}  // namespace

json describe_canary(const CanaryFacts& canary, const CanaryTally& tally) {
  const proxy::CanaryRules& rules = canary.rules;
  const bool by_nodes = rules.nodes > 0;
  return {{"revision", canary.revision},
          {"base", canary.base},
          {"share", config::print_fine_share(rules.share)},
          {"by", rules.by},
          {"since", second_of(canary.since)},
          {"until", by_nodes ? json() : json(second_of(canary.since + rules.for_time))},
          {"nodes", by_nodes ? json(rules.nodes) : json()},
          {"turns", canary.turns},
          {"promote", rules.promote},
          {"withdraw_when",
           {{"errors_above", config::print_fine_share(rules.withdraw_when.errors_above)},
            {"min_requests", rules.withdraw_when.min_requests}}},
          {"counts", {{"canary", json_of(tally.canary)}, {"base", json_of(tally.base)}}}};
}

}  // namespace portcullis::control
