#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// Compiles a checked configuration into what the workers serve from. They count in `metrics`, which must
// outlive the snapshot.
std::shared_ptr<const proxy::Snapshot> compile_snapshot(const config::Config& config, uint64_t version,
                                                        telemetry::Registry& metrics);

}  // namespace portcullis::control
