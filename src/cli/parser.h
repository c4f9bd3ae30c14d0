#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace portcullis::cli {

// Runs the command that a command line names; `words` are without the program's name. Returns the exit code.
int run_command_line(const std::vector<std::string>& words);

}  // namespace portcullis::cli
