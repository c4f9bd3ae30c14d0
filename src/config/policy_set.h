#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/name_index.h"
#include "config/diagnostics.h"
#include "config/policy_list.h"
#include "config/schema.h"
#include "config/shared_list.h"

// Policies that several lists have in common.
namespace portcullis::config {

// Policies with a name. A list of policies takes them over by `use`.
struct PolicySet {
  Location location;
  std::string name;
  TextMap labels;
  std::string description;
  std::vector<PolicyUse> policies;
};

Type<PolicySet> policy_set_type(const PolicyCatalog& catalog);

// Finds the policies that lists consist of. Refers to `sets`, which outlives this object.
class PolicySets {
 public:
  explicit PolicySets(const SharedList<PolicySet>& sets) : sets_(sets), known_(index_names(sets)) {}

  // The index of the set with that name in the list of sets. Nothing when there is none.
  std::optional<size_t> position(const std::string& name) const;
  // The set with that name; null when there is none.
  const PolicySet* find(const std::string& name) const;

  // Calls `visit(policy, set)` for each policy of a list in the order in which they run. `set` points to the
  // set that the policy is in, and is null when the policy stands in the list itself. A set that does not
  // exist has no policies.
  template <typename Visit>
  void for_each_policy(const PolicyList& list, Visit visit) const {
    for (const PolicyEntry& entry : list) {
      if (const auto* policy = std::get_if<PolicyUse>(&entry)) {
        visit(*policy, static_cast<const PolicySet*>(nullptr));
      } else if (const PolicySet* set = find(std::get<PolicySetUse>(entry).name)) {
        for (const PolicyUse& one : set->policies) visit(one, set);
      }
    }
  }

  // True when `is_so` is true for a policy of the list.
  template <typename Predicate>
  bool any_policy(const PolicyList& list, Predicate is_so) const {
    bool found = false;
    for_each_policy(list, [&](const PolicyUse& one, const PolicySet*) { found = found || is_so(one); });
    return found;
  }

  // Reports each entry of the list that names a set which does not exist.
  void refuse_unknown(const PolicyList& list, Diagnostics& diagnostics) const;
  // True when errors have been reported in a set that the list uses, or a set does not exist: then policies
  // may seem to be missing.
  bool has_faults(const PolicyList& list, const Diagnostics& diagnostics) const;

 private:
  const SharedList<PolicySet>& sets_;
  const NameIndex known_;
};

// Reports policy sets with the same name.
void check_policy_sets(const SharedList<PolicySet>& sets, Diagnostics& diagnostics);

}  // namespace portcullis::config
