#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>

#include "control/admin/call.h"

namespace portcullis::control {

// The parts that all operations share: each is done on every node, or on the one that `?node=ID` names.

Call::Parameter node_parameter();
// Has the nodes do an operation (control/operation.h), and answers with `{nodes: {ID: ...}}`. When all of
// them refuse it with one status, the answer has that status; a node that alone refuses it has the members
// `status` and `error`.
Task<ServerAnswer> answer_by_nodes(const AdminWorld& world, const CallRequest& request, nlohmann::json what);

}  // namespace portcullis::control
