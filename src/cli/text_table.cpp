#include "cli/text_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

#include "base/json_text.h"
#include "cli/plain_text.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

std::string cell_of(const json& item, const std::string& name) {
  if (!item.is_object() || !item.contains(name) || item[name].is_null()) return "";
  const json& value = item[name];
  if (value.is_string()) return without_control_characters(value.get<std::string>());
  if (!value.is_array()) return json_text(value);
  std::string out;
  for (const json& one : value)
    out += (out.empty() ? "" : ",") + (one.is_string() ? one.get<std::string>() : json_text(one));
  return without_control_characters(out);
}

}  // namespace

void print_table(const json& items, const std::vector<std::string>& columns) {
  std::vector<std::vector<std::string>> shown;
  for (const std::string& name : columns) {
    std::vector<std::string> cells{name};
    for (const json& item : items) cells.push_back(cell_of(item, name));
    if (std::any_of(cells.begin() + 1, cells.end(), [](const auto& cell) { return !cell.empty(); }))
      shown.push_back(std::move(cells));
  }
  for (size_t row = 0; row <= items.size() && !shown.empty(); ++row) {
    std::string line;
    for (const auto& cells : shown) {
      const auto by_size = [](const auto& a, const auto& b) { return a.size() < b.size(); };
      const size_t width = std::max_element(cells.begin(), cells.end(), by_size)->size();
      line += cells[row] + std::string(width - cells[row].size() + 2, ' ');
    }
    std::printf("%s\n", line.substr(0, line.find_last_not_of(' ') + 1).c_str());
  }
}

}  // namespace portcullis::cli
