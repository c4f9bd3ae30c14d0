#include "config/policy_set.h"

#include <algorithm>

#include "config/field_types.h"
#include "config/labels.h"
#include "config/named_items.h"

namespace portcullis::config {

Type<PolicySet> policy_set_type(const PolicyCatalog& catalog) {
  auto set = std::make_shared<ObjectType<PolicySet>>(
      "policy_set",
      "Policies that several lists have in common. An entry `use: NAME` of a list `policies` stands for all "
      "policies of that set, in their order, as if they were written there: each route that uses a set has "
      "counters of its own for its limits. A set is used by routes and by the `policies` of the top level; "
      "it cannot use another set.");
  set->locate(&PolicySet::location)
      .required("name", &PolicySet::name, name_type(), "The name by which lists of policies use the set.")
      .required("policies", &PolicySet::policies, policy_list(catalog),
                "The policies of the set, in the order in which they run.");
  add_labels(*set);
  return set;
}

std::optional<size_t> PolicySets::position(const std::string& name) const {
  const size_t found = known_.find(name);
  return found == NameIndex::kNone ? std::nullopt : std::optional(found);
}

const PolicySet* PolicySets::find(const std::string& name) const {
  const auto found = position(name);
  return found ? &sets_[*found] : nullptr;
}

void PolicySets::refuse_unknown(const PolicyList& list, Diagnostics& diagnostics) const {
  for (const PolicyEntry& entry : list) {
    const auto* use = std::get_if<PolicySetUse>(&entry);
    if (use != nullptr && find(use->name) == nullptr)
      diagnostics.refuse_unknown("policy set", use->name, list_names(sets_), use->location);
  }
}

bool PolicySets::has_faults(const PolicyList& list, const Diagnostics& diagnostics) const {
  return std::any_of(list.begin(), list.end(), [&](const PolicyEntry& entry) {
    const auto* use = std::get_if<PolicySetUse>(&entry);
    const PolicySet* set = use == nullptr ? nullptr : find(use->name);
    return use != nullptr && (set == nullptr || diagnostics.is_faulty(set->location));
  });
}

void check_policy_sets(const SharedList<PolicySet>& sets, Diagnostics& diagnostics) {
  refuse_duplicate_names(sets, "policy set", diagnostics);
}

}  // namespace portcullis::config
