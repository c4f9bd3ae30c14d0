#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/schema.h"

namespace portcullis::config {

// What the loader knows of one policy: its key in the configuration, the description of its settings, and how
// to make an empty settings object for that description to fill.
struct PolicyType {
  std::string name;
  TypePointer type;
  std::function<std::shared_ptr<void>()> make;
};

using PolicyCatalog = std::vector<PolicyType>;

// One entry of a `policies` list. `settings` is what the policy's own description loaded.
struct PolicyUse {
  Location location;
  std::string name;
  std::shared_ptr<const void> settings;
};

// A list of policies, each a mapping of one policy's name to its settings (and keys of the author's own):
// std::vector<PolicyUse>.
TypePointer policy_list(const PolicyCatalog& catalog);

// A mapping of free keys to texts, in the order of the file: TextMap. The checks return what is wrong, or "".
using TextMap = std::vector<std::pair<std::string, std::string>>;
TypePointer text_map(TextCheck check_key, std::string example, TextCheck check_value);
// The same with texts as text_with_variables() takes them.
TypePointer variables_map(TextCheck check_key, std::string example, TextCheck check_value);

}  // namespace portcullis::config
