#include "cli/commands.h"

#include <algorithm>

namespace portcullis::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> all;
    for (Command (*make)() : {run_command, check_command, explain_command, doctor_command, reload_command,
                              top_command, schema_command, generate_key_command, hash_key_command,
                              hash_password_command, demo_backend_command, version_command, help_command})
      all.push_back(make());
    return all;
  }();
  return kCommands;
}

const Command* find_command(const std::string& name) {
  const auto found = std::find_if(commands().begin(), commands().end(),
                                  [&](const Command& command) { return command.name == name; });
  return found == commands().end() ? nullptr : &*found;
}

}  // namespace portcullis::cli
