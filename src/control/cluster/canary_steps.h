#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/view.h"

namespace portcullis::control {

// How far the nodes of a cluster are with a canary that they serve one after the other.
struct CanarySteps {
  std::string fault{};  // why the canary is to be withdrawn, as a phrase; empty when it is not
  // All nodes have the canary, and those whose turn has come serve it, so the time of the step counts.
  bool is_ready = false;
  std::vector<std::string> waiting{};  // the nodes whose turn has not come, in the order of their turns
};

// A node that cannot serve the canary or the revision before it, and one that is lost after its turn has
// come, are faults. A node that drains or has taken its leave does not count. A plain function; any thread.
CanarySteps steps_of(const cluster::Canary& canary, const std::map<std::string, cluster::ListedNode>& nodes);

}  // namespace portcullis::control
