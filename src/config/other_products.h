#pragma once

#include <string>
#include <string_view>
#include <vector>

// Terms of other gateways and proxies, for users who come from them. Terms are compared without case, `-` and
// `_`, so `strip_path`, `stripPath` and `strip-path` are equal.
namespace portcullis::config {

// " - here it is ...": the counterpart of an unknown `key` in the object `object`, named as in messages
// ("route", "listener"); "" when no other product has this key.
std::string hint_for_foreign_key(std::string_view key, std::string_view object);
// The counterpart of another product's plugin, middleware, filter or module; or "".
std::string hint_for_foreign_policy(std::string_view name);
// The counterpart of another product's word for a value, if it is in `known`; or "".
std::string hint_for_foreign_value(std::string_view value, const std::vector<std::string_view>& known);

}  // namespace portcullis::config
