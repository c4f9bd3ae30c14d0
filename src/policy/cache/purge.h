#pragma once

#include "policy/operator_action.h"

namespace portcullis::policy::cache {

// Removes stored responses, or makes them stale. The query says which.
OperatorAction purge_action();

}  // namespace portcullis::policy::cache
