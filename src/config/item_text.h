#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::config {

// The lines of one element of a list, from its `- ` to the line before that of the next element.
struct ItemText {
  std::string_view text;
  size_t line = 0;  // of its beginning, counted from 1
};

// Where the elements of a list begin and end in a YAML text, found without parsing them.
struct ListText {
  size_t line = 0;    // of the key
  size_t column = 0;  // of each `-`, counted from 1
  std::vector<ItemText> items;
};

// Finds the list that is the value of `key` at the top level, written in block style: an element begins with
// `- ` in a line of its own. Nothing when there is no such list, or its form is unusual.
//
// An element whose text is complete YAML by itself is an element of the list (YAML 1.2.2 section 8.2.1): the
// line after it is indented as the list, and begins with `- `. Whether the text is complete has to be found
// out by parsing it.
std::optional<ListText> find_list(std::string_view text, std::string_view key);

// A copy of `text` in which the lines of `list`, which find_list() has found in it, are empty, so that all
// other lines keep their numbers.
std::string without_items(std::string_view text, const ListText& list);

}  // namespace portcullis::config
