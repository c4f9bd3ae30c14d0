#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

// The reasons for which requests end (policy::reason_tables()), for those who are not this program.
namespace portcullis::control {

// The text of docs/reasons.md.
std::string reasons_page();

// `reasons`: objects with `name`, `meaning`, `ended_by` and `phase`; with `policy` and `status` where there
// is one.
nlohmann::json reasons_as_json();

// A module for the dashboard: `REASONS`, an object with the meaning of each name.
const std::string& reasons_module();

}  // namespace portcullis::control
