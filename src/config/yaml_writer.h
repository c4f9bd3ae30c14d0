#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>

namespace portcullis::config {

// The value as YAML in block style, which reads as the same value again; each line ends with a line feed.
// `name` comes first among the members of an object. `indent`: the number of spaces before each line.
std::string yaml_of_json(const nlohmann::json& value, size_t indent = 0);

// The value as an element of a list, which begins with `- `.
std::string yaml_item_of_json(const nlohmann::json& value, size_t indent = 0);

}  // namespace portcullis::config
