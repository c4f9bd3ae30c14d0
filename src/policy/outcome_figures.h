#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/live_view.h"

namespace portcullis::policy {

// Functions that make Figures of metrics.

// The figures of a metric for one value of its label `outcome`.
struct OutcomeFigure {
  double total = 0;
  double rate = 0;
};
using OutcomeFigures = std::map<std::string, OutcomeFigure>;

// The figures of a metric by the value of `label`, then by the value of `outcome`.
std::map<std::string, OutcomeFigures> outcomes_by(const telemetry::LiveView& view, std::string_view metric,
                                                  std::string_view label);
// The sum of the figures of these outcomes.
OutcomeFigure sum_of(const OutcomeFigures& outcomes, const std::vector<std::string>& names);

// Rounds a value as the other figures of the live view are rounded.
double rounded(double value);
inline uint64_t whole(double value) {
  return static_cast<uint64_t>(value);
}

}  // namespace portcullis::policy
