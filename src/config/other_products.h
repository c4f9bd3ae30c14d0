#pragma once

#include <string>
#include <string_view>
#include <vector>

// The words of other gateways and proxies, for those who come from there. Words are compared without case,
// `-` and `_`, so `strip_path`, `stripPath` and `strip-path` are one.
namespace portcullis::config {

// " - here it is ...": what an unknown `key` of the object `object`, named as in messages ("route",
// "listener"), is called here; "" when it is no word of theirs.
std::string hint_for_foreign_key(std::string_view key, std::string_view object);
// The same for the name of a policy: a plugin, middleware, filter or module there.
std::string hint_for_foreign_policy(std::string_view name);
// The same for one of several words, when what it is called here is among `known`.
std::string hint_for_foreign_value(std::string_view value, const std::vector<std::string_view>& known);

}  // namespace portcullis::config
