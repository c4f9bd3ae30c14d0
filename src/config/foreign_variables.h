#pragma once

#include <string_view>

namespace portcullis::config {

// The first variable in `text` in the syntax of another product, which has no special meaning here: `$host`
// and `/$1` of nginx, `%REQ(x-user)%` of Envoy, `%HOME%` of a shell. Empty when there is none. A view into
// `text`.
std::string_view foreign_variable(std::string_view text);

}  // namespace portcullis::config
