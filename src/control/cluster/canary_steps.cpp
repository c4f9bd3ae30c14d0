#include "control/cluster/canary_steps.h"

#include <algorithm>

namespace portcullis::control {

CanarySteps steps_of(const cluster::Canary& canary, const std::map<std::string, cluster::ListedNode>& nodes) {
  CanarySteps out;
  bool is_any_there = false, are_all_ready = true;
  for (const auto& [id, listed] : nodes) {
    const bool had_turn = std::find(canary.turns.begin(), canary.turns.end(), id) != canary.turns.end();
    const cluster::Node& node = listed.node;
    if (!listed.alive) {
      if (had_turn && listed.member) out.fault = "the node `" + id + "` is lost";
      continue;
    }
    if (node.state == "draining") continue;
    is_any_there = true;
    const bool refuses_base = node.refused != 0 && node.refused == canary.base;
    if (node.refused >= canary.revision || refuses_base)
      out.fault = "the node `" + id + "` cannot serve " +
                  (refuses_base ? "the revision before it" : std::string("it")) + ": " + node.last_error;
    const bool is_ready = node.canary == canary.revision && (!had_turn || node.turn == canary.revision);
    are_all_ready = are_all_ready && is_ready;
    if (!had_turn) out.waiting.push_back(id);
  }
  out.is_ready = is_any_there && are_all_ready;
  return out;
}

}  // namespace portcullis::control
