#pragma once

#include <string>

namespace portcullis::cli {

enum class OutputFormat { kText, kJson };

// Tells which route and policies a request would meet, and why the other routes lost. Returns the exit code:
// 0 when a route was found, 1 when none was, 2 for a configuration or URL that cannot be read.
int explain(const std::string& config_path, const std::string& method, const std::string& url,
            OutputFormat format);

}  // namespace portcullis::cli
