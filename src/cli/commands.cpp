#include "cli/commands.h"

#include <algorithm>

namespace portcullis::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> all;
    for (Command (*make)() :
         {run_command,          check_command,    explain_command,       doctor_command,
          reload_command,       top_command,      health_command,        get_command,
          put_command,          delete_command,   apply_command,         plan_command,
          diff_command,         export_command,   revisions_command,     rollback_command,
          nodes_command,        canary_command,   store_command,         schema_command,
          generate_key_command, hash_key_command, hash_password_command, demo_backend_command,
          completion_command,   man_command,      version_command,       help_command})
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

OptionNames names_of(const Option& option) {
  const size_t comma = option.names.find(',');
  if (comma == std::string::npos) return {"", option.names};
  return {option.names.substr(0, comma), option.names.substr(comma + 1)};
}

}  // namespace portcullis::cli
