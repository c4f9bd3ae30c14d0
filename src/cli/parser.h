#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace portcullis::cli {

// Runs the command that the words of a command line name, without the program's own name. Returns what the
// process ends with.
int run_command_line(const std::vector<std::string>& words);

}  // namespace portcullis::cli
