#pragma once

#include <string>

#include "cli/explain.h"

namespace portcullis::cli {

// Looks at a configuration and at the machine that is to serve it: limits, ports, certificates near their
// end, targets and servers that cannot be reached, files that cannot be written. Prints a line for each
// finding. Returns the exit code: 0 when nothing stands in the way, 1 when something does.
int doctor(const std::string& config_path, OutputFormat format);

}  // namespace portcullis::cli
