#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/schema.h"
#include "routing/match.h"

namespace portcullis::config {

using routing::Predicate;

// A mapping of names to values or conditions. `check_name` returns what is wrong with a name, or "".
Type<std::vector<Predicate>> condition_map(std::function<std::string(const std::string&)> check_name);

// A regular expression in RE2's syntax.
Type<std::string> regex_type();

}  // namespace portcullis::config
