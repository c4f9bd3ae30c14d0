#pragma once

#include <algorithm>
#include <set>
#include <string_view>
#include <variant>

#include "config/policy_set.h"
#include "config/shared_list.h"

namespace portcullis::control {

// The names of the policy sets that are not the same elements in two configurations, which must outlive the
// object.
class ChangedSets {
 public:
  ChangedSets(const config::SharedList<config::PolicySet>& before,
              const config::SharedList<config::PolicySet>& now) {
    const config::PolicySets known_before(before), known_now(now);
    for (const config::PolicySet& one : now) {
      if (known_before.find(one.name) != &one) names_.insert(one.name);
    }
    for (const config::PolicySet& one : before) {
      if (known_now.find(one.name) != &one) names_.insert(one.name);
    }
  }

  // True when the list uses one of them.
  bool has_any_of(const config::PolicyList& list) const {
    if (names_.empty()) return false;
    return std::any_of(list.begin(), list.end(), [this](const config::PolicyEntry& entry) {
      const auto* use = std::get_if<config::PolicySetUse>(&entry);
      return use != nullptr && names_.contains(use->name);
    });
  }

 private:
  std::set<std::string_view> names_;
};

}  // namespace portcullis::control
