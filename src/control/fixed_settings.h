#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cache/disk.h"
#include "config/model.h"
#include "redis/client.h"
#include "runtime/socket_file.h"
#include "telemetry/trace_exporter.h"

namespace portcullis::control {

// What of a configuration stays as it was at the start: a reload goes on with it, and says so.
struct FixedSettings {
  static FixedSettings of(const config::Config& config);
  // A line for each that `wanted` has otherwise.
  std::vector<std::string> differences(const FixedSettings& wanted) const;

  std::string admin_address;  // empty: none, as the next two texts
  SocketFileRights admin_rights;
  std::string access_log;
  std::string audit_log;
  telemetry::TraceExporter::Settings traces;
  redis::Settings redis;
  std::string quotas;  // where their counts are kept
  uint64_t counter_bytes = 0;
  uint64_t cache_bytes = 0;
  cache::DiskSettings cache_disk;
};

}  // namespace portcullis::control
