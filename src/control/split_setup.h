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

// The rollback states of branches. Revisions share the state of a branch while its settings stay the same.
class RollbackBook {
 public:
  std::shared_ptr<proxy::Rollback> of(const config::Route& route, const config::Branch& branch);
  // Removes the states of branches that these routes do not have, with the same settings.
  void keep_only(const config::SharedList<config::Route>& routes);
  // Ends the rollback of a branch, or of all branches of the route when `branch` is empty. Returns the names
  // of the branches; none when there is no such branch that can be rolled back.
  std::vector<std::string> resume(const std::string& route, const std::string& branch);

 private:
  struct Entry {
    std::string upstream;
    config::TextMap subset;
    std::shared_ptr<proxy::Rollback> state;

    bool is_of(const config::Branch& branch) const;
  };
  using Key = std::pair<std::string, std::string>;  // the names of the route and the branch
  std::multimap<Key, Entry> entries_;               // a canary may have other settings for a branch
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
