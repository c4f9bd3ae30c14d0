#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portcullis::http {

// The normal form of an absolute URI such as "https://Host:443/a/../b?c", comparable to the target of a
// request: the host in lower case, the port only when it differs from the scheme's default, the path
// canonical. Empty for texts that are not an absolute http or https URI.
std::optional<std::string> normal_uri(std::string_view uri);

}  // namespace portcullis::http
