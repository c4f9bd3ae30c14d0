// Finds rules of `errors` that make no response.

#include <algorithm>

#include "control/warnings/warnings.h"

namespace portcullis::control::warnings {

void find_unreached_error_rules(const Facts& facts, Report& report) {
  const auto& rules = facts.config().errors;
  const auto takes_all = std::find_if(rules.begin(), rules.end(), [](const config::ErrorRule& rule) {
    return rule.status.empty() && rule.reason.empty() && rule.when.empty();
  });
  if (takes_all == rules.end()) return;
  for (auto rule = takes_all + 1; rule != rules.end(); ++rule)
    report.add(rule->location, "the rule is never asked: the rule before it (" +
                                   takes_all->location.seen_from(rule->location) + ") takes all errors");
}

}  // namespace portcullis::control::warnings
