#pragma once

#include <string>

#include "cli/command.h"

namespace portcullis::cli {

// What `portcullis help` prints: the commands, a line each.
std::string help_of_program();

// What `portcullis help COMMAND` prints, from the command's own description.
std::string help_of(const Command& command);

// "portcullis check [CONFIG] [OPTIONS]".
std::string usage_line(const Command& command);

// What the exit codes mean in all commands.
std::vector<Exit> program_exits();

// The exit codes of a command, that of a wrong command line among them.
std::vector<Exit> all_exits(const Command& command);

// What is wrong with a word that names no command, with the name that may be meant.
std::string refuse_unknown_command(const std::string& name);

}  // namespace portcullis::cli
