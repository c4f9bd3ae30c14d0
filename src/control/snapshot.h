#pragma once

#include <cstdint>
#include <memory>

#include "config/model.h"
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

}  // namespace portcullis::control
