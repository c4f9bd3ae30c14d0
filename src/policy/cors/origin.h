#pragma once

#include <string>

namespace portcullis::policy::cors {

// What is wrong with an entry of `origins`, or "": one that no browser ever sends would admit no page.
// Browsers write an origin as the HTML standard serializes it: scheme, host, and the port where it is not the
// scheme's own.
std::string check_origin(const std::string& origin);

}  // namespace portcullis::policy::cors
