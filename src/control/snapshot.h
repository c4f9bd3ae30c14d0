#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/origin.h"
#include "control/split_setup.h"
#include "control/tls_setup.h"
#include "control/upstream_setup.h"
#include "policy/services.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// State that the snapshots of a process share; each snapshot takes it over from the one before.
struct Kept {
  TlsState tls;
  UpstreamBook upstreams{};
  RollbackBook rollbacks{};
  std::shared_ptr<proxy::AddressCounts> address_counts = std::make_shared<proxy::AddressCounts>();
};

// Compiles a checked configuration into the snapshot that the workers serve from. `metrics`, where the
// workers count, and `services` must outlive the snapshot. Returns an error when a file is not valid any more
// since the check.
Result<std::shared_ptr<const proxy::Snapshot>> compile_snapshot(const config::Config& config,
                                                                uint64_t version,
                                                                telemetry::Registry& metrics,
                                                                policy::Services& services, Kept& kept);

// Reports the errors in a loaded configuration, except those in files for TLS.
void check_config(const config::Config& config, config::Diagnostics& diagnostics);

// The routes in the form that the route table needs, in the order of the configuration.
std::vector<routing::RouteRule> route_rules(const config::Config& config);

// Runs all checks on a reading, and warns of settings that are probably mistakes (control/warnings). Nothing
// when there are errors. Errors and warnings are added to the diagnostics of the reading.
std::optional<config::Config> load_config(config::Reading& reading, TlsState& tls);
// Reads and checks the configuration at `path`, a file or a folder, for a command that does not serve it.
std::optional<config::Config> load_config(const std::string& path, config::Diagnostics& diagnostics);
// As load_config(), with the text of a configuration; `name` is the name of the file in diagnostics.
std::optional<config::Config> load_config_text(const std::string& text, const std::string& name,
                                               config::Diagnostics& diagnostics);

}  // namespace portcullis::control
