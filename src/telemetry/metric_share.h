#pragma once

#include <string>
#include <vector>

namespace portcullis::telemetry {

// A part of what a metric of a policy counts: the series whose `label` has one of the values of `part`,
// compared with the sum of these series and of those whose `label` has one of the values of `rest`.
struct MetricShare {
  std::string metric{};
  std::string label{};
  std::vector<std::string> part{};
  std::vector<std::string> rest{};
};

}  // namespace portcullis::telemetry
