#pragma once

#include <chrono>
#include <string>

#include "config/node.h"

namespace portcullis::control {

class RevisionStore;

// This process as a node, for `GET /v1/nodes`. Control thread.
struct NodeState {
  std::string id;
  std::chrono::sys_seconds since{};  // when the configuration in force was put in force
  std::string last_error{};          // why the latest reload was refused; empty when it succeeded
};

// The id of this node: the one in the settings, or else the one that the store keeps; at the first start,
// that is the name of the host and four random characters. Called once, at the start of the process. Blocks.
std::string choose_node_id(const config::Node& settings, RevisionStore& store);

}  // namespace portcullis::control
