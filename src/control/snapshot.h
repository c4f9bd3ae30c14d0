#pragma once

#include <cstdint>
#include <functional>
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
  std::shared_ptr<const proxy::Recording> recording{};
  std::shared_ptr<proxy::AddressCounts> address_counts = std::make_shared<proxy::AddressCounts>();

  // Removes the states of upstreams and branches that are not in `config`.
  void keep_only(const config::Config& config);
};

// A configuration and the snapshot that was compiled from it.
struct Compiled {
  const config::Config& config;
  const proxy::Snapshot& snapshot;
};

// Compiles a checked configuration into the snapshot of the revision with this number. `metrics`, where the
// workers count, and `services` must outlive the snapshot. Returns an error when a file is not valid any more
// since the check.
// `before`, unless it is null: a configuration that differs only in routes, upstreams, policy sets and
// `errors`. The snapshot shares with it the compiled form of all elements that both configurations share, and
// of the policies of the top level, except where they use a policy set that differs. Their files are not read
// another time.
// `fill_table`, unless it is null: receives the work that fills the table of routes, for any thread and for
// one call. The snapshot serves no request before that. The table of a snapshot without it is full.
Result<std::shared_ptr<const proxy::Snapshot>> compile_snapshot(
    const config::Config& config, uint64_t revision, telemetry::Registry& metrics, policy::Services& services,
    Kept& kept, const Compiled* before = nullptr, std::function<void()>* fill_table = nullptr);

}  // namespace portcullis::control
