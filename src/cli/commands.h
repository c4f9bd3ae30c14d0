#pragma once

#include "cli/command.h"

// The commands. Each is defined in the file of its name, or in that of its neighbour.
namespace portcullis::cli {

Command run_command();
Command check_command();
Command explain_command();
Command doctor_command();
Command reload_command();
Command top_command();
Command health_command();
Command schema_command();
Command store_command();
Command get_command();
Command put_command();
Command delete_command();
Command apply_command();
Command plan_command();
Command diff_command();
Command export_command();
Command revisions_command();
Command rollback_command();
Command nodes_command();
Command canary_command();
Command demo_backend_command();
Command generate_key_command();
Command hash_key_command();
Command hash_password_command();
Command completion_command();
Command man_command();
Command version_command();
Command help_command();

}  // namespace portcullis::cli
