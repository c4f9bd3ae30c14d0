#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace portcullis::cli {

// Prints a list of JSON objects as a table for people: a heading, and for each object the members with the
// names in `columns`. A member that no object has makes no column.
void print_table(const nlohmann::json& items, const std::vector<std::string>& columns);

}  // namespace portcullis::cli
