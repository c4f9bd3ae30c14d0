#pragma once

#include <string>

namespace portcullis::cli {

// Serves a small JSON answer that names the backend and shows the request it got, until SIGTERM or SIGINT.
// For demonstrations and tests. Returns the exit code.
int run_demo_backend(const std::string& address, const std::string& name);

}  // namespace portcullis::cli
