#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>

#include "control/author.h"
#include "runtime/task.h"

namespace portcullis::control {

class Operations;

// What a node has done of an operation.
// NOLINTNEXTLINE(bugprone-exception-escape): no member throws when it is moved
struct OperationResult {
  uint16_t status = 200;            // of the HTTP answer, if the node were alone
  std::string detail{};             // why it was refused
  nlohmann::json answer = nullptr;  // what was done; null when there is nothing to say
};
using NodeResults = std::map<std::string, OperationResult>;  // by the name of the node

// Operations on the running gateway as documents, which the nodes of a cluster send to each other.
namespace operation {

nlohmann::json reload();
// An action that a policy declares (policy/operator_action.h).
nlohmann::json action(const std::string& name, const std::string& query);
// An empty `branch`: all of the route.
nlohmann::json resume_branches(const std::string& route, const std::string& branch);
// `word`: "drain", "undrain" or "resume".
nlohmann::json on_target(const std::string& word, const std::string& upstream, const std::string& address);

}  // namespace operation

// Does an operation on this node, and writes it to the audit log. A document that is none has the status 400;
// an author whose role is not `operator` or more has 403.
Task<OperationResult> perform(Operations& operations, nlohmann::json what, Author by);

}  // namespace portcullis::control
