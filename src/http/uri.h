#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portcullis::http {

// "https://Host:443/a/../b?c" as the gateway knows what a request asks for: the host in lower case, the port
// only where it is not the scheme's default, the path canonical. Nothing when it is no absolute URI of http
// or https.
std::optional<std::string> normal_uri(std::string_view uri);

}  // namespace portcullis::http
