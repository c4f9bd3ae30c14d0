#pragma once

#include <cstddef>
#include <memory>

#include "config/model.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// Finds out what the routes, policies, splits and plans of `snapshot` read of a request, and so what each of
// `workers` workers records. `kept` is the recording of the snapshot before, which is kept when it would be
// the same.
void add_recording(const config::Config& config, size_t workers,
                   std::shared_ptr<const proxy::Recording>& kept, proxy::Snapshot& snapshot);

}  // namespace portcullis::control
