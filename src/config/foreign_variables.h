#pragma once

#include <string_view>

namespace portcullis::config {

// The first variable in `text` that is written as in other products, where it is text like any other here:
// `$host` and `/$1` of nginx, `%REQ(x-user)%` of Envoy, `%HOME%` of a shell. Empty when there is none. Refers
// to `text`.
std::string_view foreign_variable(std::string_view text);

}  // namespace portcullis::config
