#pragma once

#include <string>

#include "control/explain.h"

namespace portcullis::cli {

enum class OutputFormat { kText, kJson };

// Prints what control::explain() tells. Returns the exit code: 0 when a route was found, 1 when none was, 2
// for a configuration or a request that cannot be read.
int explain(const std::string& config_path, const control::Question& question, OutputFormat format);

}  // namespace portcullis::cli
