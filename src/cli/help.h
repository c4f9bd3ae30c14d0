#pragma once

#include <string>

#include "cli/command.h"

namespace portcullis::cli {

// The text of `portcullis help`: one line for each command.
std::string help_of_program();

// The text of `portcullis help COMMAND`, from the command's description.
std::string help_of(const Command& command);

// "portcullis check [CONFIG] [OPTIONS]".
std::string usage_line(const Command& command);

// The meaning of the exit codes of all commands.
std::vector<Exit> program_exits();

// The exit codes of a command, including the one for a wrong command line.
std::vector<Exit> all_exits(const Command& command);

// The error message for an unknown command, with a suggestion.
std::string refuse_unknown_command(const std::string& name);

}  // namespace portcullis::cli
