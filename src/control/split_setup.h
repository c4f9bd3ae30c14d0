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

// What routes say of the upstreams among which they divide their requests, compiled. Control thread.

// Which branches, by route and name, are out: what reloads keep as long as they say the same of the branch.
class RollbackBook {
 public:
  std::shared_ptr<proxy::Rollback> of(const config::Route& route, const config::Branch& branch);
  // Forgets all that `of` has not been asked for since the last time.
  void settle();
  // Brings a branch back; false when there is none of that name.
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

// A route's split, where it has one. `make` has each of its branches' upstream and state.
proxy::Split compile_split(const config::Route& route,
                           const std::function<proxy::Branch(const config::Branch&)>& make);

// How all of the branches are.
std::vector<telemetry::BranchState> branch_states(const proxy::Snapshot& snapshot, Clock::time_point now);

// Names conditions and keys that are none.
void check_splits(const config::Config& config, config::Diagnostics& diagnostics);

}  // namespace portcullis::control
