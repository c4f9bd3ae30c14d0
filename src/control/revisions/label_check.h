#pragma once

#include <optional>

#include "control/revisions/edit.h"

namespace portcullis::control {

// The refusal (403) of a change by an author who may change only objects with these labels, when an object of
// the change does not have them in `before` or after the change; nothing when all have them.
std::optional<Refusal> refuse_labels(const config::TextMap& labels, const LiveObjects& before,
                                     const Resolved& change);

}  // namespace portcullis::control
