#pragma once

#include <string>

namespace portcullis::policy::cors {

// What is wrong with an entry of `origins`, or "". An origin that no browser ever sends would admit no page.
// Browsers write an origin as the HTML standard serializes it: scheme, host, and the port unless it is the
// default port of the scheme.
std::string check_origin(const std::string& origin);

}  // namespace portcullis::policy::cors
