#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/small_options.h"
#include "control/gateway.h"

namespace portcullis::cli {

// `portcullis run --to ...`: serves without a configuration file. Lives as long as the command.
class SmallRun {
 public:
  // Its options of the command `run`; they point into this.
  std::vector<Option> options();

  // Whether the command line has `--to`.
  bool is_asked_for() const { return !options_.to.empty(); }
  // An option that was given although it can only be used with `--to`, which is not there; or "".
  std::string misplaced_option() const;

  // Makes of the options what the gateway is to run. With an exit code nothing is to be run: what there was
  // to say has been said.
  std::optional<int> prepare(control::RunOptions& run);

 private:
  Result<SmallPlan> plan(const control::RunOptions& run);
  Status find_ports(SmallPlan& plan);

  SmallOptions options_;
  bool print_ = false;
  std::string made_key_;    // empty: none was made
  std::string moved_from_;  // the dashboard's default address, when that is taken
};

}  // namespace portcullis::cli
