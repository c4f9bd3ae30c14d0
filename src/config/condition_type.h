#pragma once

#include "config/schema.h"

namespace portcullis::config {

// A mapping of names to values or conditions: std::vector<MatchCondition>. `check_name` says what is wrong
// with a name, or "".
TypePointer condition_map(std::function<std::string(const std::string&)> check_name);

// A regular expression in RE2's language.
TypePointer regex_type();

}  // namespace portcullis::config
