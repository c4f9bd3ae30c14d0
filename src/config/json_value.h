#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "config/yaml.h"

namespace portcullis::config {

// Converts `node` to JSON: an unquoted scalar becomes the type that YAML 1.2 gives it (null, true, false, a
// number), any other scalar a string.
nlohmann::json json_of(const YamlNode& node);
// Converts a YAML text, which must be well-formed, to JSON.
nlohmann::json json_of_yaml(const std::string& text);

}  // namespace portcullis::config
