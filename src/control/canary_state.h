#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "control/canary_trial.h"
#include "proxy/canary_rules.h"

namespace portcullis::control {

// Which revision is a canary beside which other one, since when, and by which rules.
struct CanaryFacts {
  uint64_t revision = 0;
  uint64_t base = 0;
  proxy::CanaryRules rules{};
  std::chrono::system_clock::time_point since{};
  std::vector<std::string> turns{};  // cluster::Canary::turns
};

// A canary as the admin API shows it.
nlohmann::json describe_canary(const CanaryFacts& canary, const CanaryTally& tally);

}  // namespace portcullis::control
