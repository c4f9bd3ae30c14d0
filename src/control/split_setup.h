#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// Compiles the splits of routes, which divide requests among several upstreams. Control thread.

// The rollback states of branches, by route and name. A reload keeps a state while the settings of the branch
// stay the same.
class RollbackBook {
 public:
  std::shared_ptr<proxy::Rollback> of(const config::Route& route, const config::Branch& branch);
  // Removes the states for which of() has not been called since the last settle().
  void settle();
  // Ends the rollback of a branch; false when there is no branch of that name.
  bool resume(const std::string& route, const std::string& branch);

 private:
  struct Entry {
    std::string upstream;
    config::TextMap subset;
    std::shared_ptr<proxy::Rollback> state;
    bool wanted = true;
  };
  std::map<std::pair<std::string, std::string>, Entry> entries_;
};

// Compiles the split of a route; a route without branches gives an empty split. `make` returns the upstream
// and the state of each branch.
proxy::Split compile_split(const config::Route& route,
                           const std::function<proxy::Branch(const config::Branch&)>& make);

// The states of all branches of splits.
std::vector<telemetry::BranchState> branch_states(const proxy::Snapshot& snapshot, Clock::time_point now);

// Reports conditions and keys of splits that are not valid.
void check_splits(const config::Config& config, config::Diagnostics& diagnostics);

}  // namespace portcullis::control
