#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/small_options.h"
#include "control/gateway.h"

namespace portcullis::cli {

// `portcullis run --to ...`: serves without a configuration file. Must live as long as the command.
class SmallRun {
 public:
  // The options for the command `run`; their targets are members of this object.
  std::vector<Option> options();

  // True when the command line has `--to`.
  bool is_asked_for() const { return !options_.to.empty(); }
  // The first option that requires `--to` and was given without it; "" when there is none.
  std::string misplaced_option() const;

  // Converts the options into `run`. Returns an exit code when nothing is to be run; all messages have then
  // been printed.
  std::optional<int> prepare(control::RunOptions& run);

 private:
  Result<SmallPlan> plan(const control::RunOptions& run);
  Status find_ports(SmallPlan& plan);

  SmallOptions options_;
  bool print_ = false;
  std::string made_key_;    // empty when no key was made
  std::string moved_from_;  // the dashboard's default address, if it is in use
};

}  // namespace portcullis::cli
