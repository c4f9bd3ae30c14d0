#pragma once

#include <string>
#include <utility>
#include <vector>

namespace portcullis::telemetry {

// The collector to which traces are exported. The members have the names of the configuration's keys.
struct TraceCollector {
  std::string endpoint{};  // empty: no export
  std::string service = "portcullis";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string ca{};

  bool operator==(const TraceCollector&) const = default;
};

}  // namespace portcullis::telemetry
