#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/model.h"
#include "redis/settings.h"
#include "runtime/socket_file.h"
#include "telemetry/trace_exporter.h"

namespace portcullis::control {

// The settings that stay as they were at the start. A reload keeps them and reports differences.
struct FixedSettings {
  static FixedSettings of(const config::Config& config);
  // A line of text for each setting that differs in `wanted`.
  std::vector<std::string> differences(const FixedSettings& wanted) const;

  std::string node_id;  // as in the configuration; empty when the node makes one
  // The texts `admin_address`, `access_log` and `audit_log` are empty when there is none.
  std::string admin_address;
  SocketFileRights admin_rights;
  std::string access_log;
  std::string audit_log;
  telemetry::TraceExporter::Settings traces;
  redis::Settings redis{};
  std::string quotas;  // where the counts of quotas are kept
  uint64_t counter_bytes = 0;
  uint64_t cache_bytes = 0;
  config::CacheDisk cache_disk{};
  config::Store store{};  // `references` are read anew
};

}  // namespace portcullis::control
