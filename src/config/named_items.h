#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/diagnostics.h"

// Lists of items that have a `name` and a `location`.
namespace portcullis::config {

template <typename List>
std::vector<std::string_view> list_names(const List& items) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const auto& item : items) names.push_back(item.name);
  return names;
}

template <typename List>
void refuse_duplicate_names(const List& items, const char* kind, Diagnostics& diagnostics) {
  std::unordered_map<std::string_view, const Location*> seen;
  seen.reserve(items.size());
  for (const auto& item : items) {
    if (item.name.empty()) continue;
    const auto [first, inserted] = seen.emplace(item.name, &item.location);
    if (!inserted) {
      diagnostics.error(item.location, std::string("a second ") + kind + " named `" + item.name +
                                           "`; the first is at " + first->second->seen_from(item.location));
    }
  }
}

}  // namespace portcullis::config
