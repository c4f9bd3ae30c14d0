#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/name_index.h"
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
  NameIndex seen(items.size());
  size_t at = 0;
  for (const auto& item : items) {
    const size_t first = item.name.empty() ? at : seen.add(item.name, at);
    if (first != at)
      diagnostics.error(item.location, std::string("a second ") + kind + " named `" + item.name +
                                           "`; the first is at " +
                                           items[first].location.seen_from(item.location));
    ++at;
  }
}

}  // namespace portcullis::config
