#pragma once

#include "config/policy_type.h"
#include "policy/policy.h"

namespace portcullis::policy {

// Every policy there is, for the configuration's loader. Built once; any thread.
const config::PolicyCatalog& catalog();

// Builds a policy from what the loader made of its entry.
PolicyPointer build(const config::PolicyUse& use);

}  // namespace portcullis::policy
