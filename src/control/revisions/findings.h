#pragma once

#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"
#include "control/revisions/edit.h"

namespace portcullis::control {

// Translates the diagnostics of a configuration for the author of a change. Each finding names the place in
// the document that the author has sent, or the object that is at fault without having been sent. `live` are
// the objects before the change.
std::vector<Finding> find_objects(const std::vector<config::Diagnostic>& diagnostics, const LiveObjects& live,
                                  const Resolved& resolved);

// The first error of a configuration that has errors.
Error first_error(const config::Diagnostics& diagnostics);

}  // namespace portcullis::control
