#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

// The reasons for which requests end (policy::reason_tables()), for documentation, other programs and the
// dashboard.
namespace portcullis::control {

// The text of docs/reasons.md.
std::string reasons_page();

// JSON with the member `reasons`: objects with `name`, `meaning`, `ended_by` and `phase`, and with `policy`
// and `status` if there is one.
nlohmann::json reasons_as_json();

// The text of a JavaScript module for the dashboard, with `REASONS`: an object with the meaning of each name.
const std::string& reasons_module();

}  // namespace portcullis::control
