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

// What the snapshots of a process have in common: one takes it over from the other.
struct Kept {
  TlsState tls;
  UpstreamBook upstreams{};
  RollbackBook rollbacks{};
  std::shared_ptr<proxy::AddressCounts> address_counts = std::make_shared<proxy::AddressCounts>();
};

// Compiles a checked configuration into what the workers serve from. They count in `metrics`, which
// must outlive the snapshot, as `services` must. An error: a file that was good when it was checked is not
// any more.
Result<std::shared_ptr<const proxy::Snapshot>> compile_snapshot(const config::Config& config,
                                                                uint64_t version,
                                                                telemetry::Registry& metrics,
                                                                policy::Services& services, Kept& kept);

// What is wrong with a configuration that has been loaded, files of TLS aside.
void check_config(const config::Config& config, config::Diagnostics& diagnostics);

// The routes as the route table takes them, in the configuration's order.
std::vector<routing::RouteRule> route_rules(const config::Config& config);

// Checks what was read with all that the gateway knows, and warns of what cannot be meant (control/warnings).
// Nothing when there are errors; all that is found is in the reading's diagnostics.
std::optional<config::Config> load_config(config::Reading& reading, TlsState& tls);
// Reads and checks the configuration at `path`, a file or a folder, for a command that does not serve it.
std::optional<config::Config> load_config(const std::string& path, config::Diagnostics& diagnostics);
// The same of a text; `name` stands for the file in diagnostics.
std::optional<config::Config> load_config_text(const std::string& text, const std::string& name,
                                               config::Diagnostics& diagnostics);

}  // namespace portcullis::control
