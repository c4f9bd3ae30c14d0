#include "control/cluster/canary_steps.h"

#include <algorithm>

namespace portcullis::control {

CanarySteps steps_of(const cluster::Canary& canary, const std::map<std::string, cluster::ListedNode>& nodes) {
  CanarySteps out;
  for (const auto& [id, listed] : nodes) {
    const bool had_turn = std::find(canary.turns.begin(), canary.turns.end(), id) != canary.turns.end();
    const cluster::Node& node = listed.node;
    if (!listed.alive) {
      if (had_turn && listed.member) out.fault = "the node `" + id + "` is lost";
      continue;
    }
    if (node.refused >= canary.revision)
      out.fault = "the node `" + id + "` cannot serve it: " + node.last_error;
    if (node.state == "draining") continue;
    if (node.canary != canary.revision) out.is_ready = false;
    if (!had_turn) out.waiting.push_back(id);
  }
  return out;
}

}  // namespace portcullis::control
