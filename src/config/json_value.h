#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "config/yaml.h"

namespace portcullis::config {

// `node` as a JSON value: an unquoted scalar is what YAML 1.2 takes it for (null, true, false, a number),
// else a string.
nlohmann::json json_of(const YamlNode& node);
// The same of a YAML text, which must be well-formed.
nlohmann::json json_of_yaml(const std::string& text);

}  // namespace portcullis::config
