#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/policy_type.h"

// Lists of policies.
namespace portcullis::config {

// The entry `use: NAME` of a list of policies, in the place of which all policies of that set stand.
struct PolicySetUse {
  Location location;
  std::string name;
};

// A list of policies as it is written. PolicySets (config/policy_set.h) has the policies that it consists of.
using PolicyEntry = std::variant<PolicyUse, PolicySetUse>;
using PolicyList = std::vector<PolicyEntry>;

// A list of policies. Each entry maps one policy's name to its settings, and may contain extension keys.
Type<std::vector<PolicyUse>> policy_list(const PolicyCatalog& catalog);
// As above; an entry can also be a policy set.
Type<PolicyList> policy_list_with_sets(const PolicyCatalog& catalog);

}  // namespace portcullis::config
