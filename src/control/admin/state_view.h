#pragma once

#include <string>
#include <vector>

#include "telemetry/metrics.h"

namespace portcullis::control {

// The JSON documents at /upstreams and /splits: each upstream with the health of its targets, and each split
// with its branches.
std::string describe_targets(const std::vector<telemetry::TargetState>& targets);
std::string describe_branches(const std::vector<telemetry::BranchState>& branches);

}  // namespace portcullis::control
