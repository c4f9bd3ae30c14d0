#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "cli/server.h"

namespace portcullis::cli {

// The question what files would change.
struct PlanChoice {
  bool prune = false;  // objects of the API that the files do not have would be removed
};

// What a plan has found.
struct PlanOutcome {
  size_t errors = 0;
  size_t differences = 0;  // objects that would be added, changed or removed
};

// Asks the gateway for a plan of the objects in `files`, and prints it: mistakes with their places, then each
// object that differs. Nothing when there is none; then the reason has been printed, and `exit_code` is set.
std::optional<PlanOutcome> print_plan(const std::string& command, Server& server, const AppliedFiles& files,
                                      const PlanChoice& choice, OutputFormat format, int& exit_code);

}  // namespace portcullis::cli
