#pragma once

#include <vector>

#include "control/revisions/live_objects.h"

namespace portcullis::control {

// The objects with the secrets that reading them finds, in addition to those that are known already: for
// objects that have not been loaded, or that have mistakes. Secrets in members that no object of the kind has
// are not found. Control thread.
std::vector<ObjectPointer> with_secrets(const std::vector<ObjectPointer>& objects);

}  // namespace portcullis::control
