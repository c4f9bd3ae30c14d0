#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/revisions/edit.h"
#include "proxy/canary_rules.h"

// The rules of a canary as JSON: in requests, and in the store.
namespace portcullis::control {

// Reads the member `canary` of a request; `path` is the JSON pointer to it.
std::variant<proxy::CanaryRules, std::vector<Finding>> read_canary(const nlohmann::json& json,
                                                                   const std::string& path);

// A canary that goes on after a restart.
struct StoredCanary {
  proxy::CanaryRules rules;
  std::chrono::system_clock::time_point since;
};
std::string text_of(const StoredCanary& canary);
// Nothing when the text has another form.
std::optional<StoredCanary> stored_canary_of(const std::string& text);

}  // namespace portcullis::control
