#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/item_text.h"
#include "config/object.h"
#include "config/yaml.h"

namespace portcullis::config {

// An element of a list as it stands in a file, and what has been made of it.
struct KeptItem {
  std::string_view text;
  FileName file;       // of the locations in the element, which move together
  size_t line = 0;     // of the beginning, when it was read
  Hints hints{};       // about positions in the element
  bool found = false;  // set only while a function looks through items
  std::shared_ptr<const Object> object{};
};

// Makes an item for each of `items`, with a copy of its text. Their memory is given back with the last one.
std::vector<std::shared_ptr<KeptItem>> make_kept_items(const std::vector<ItemText>& items,
                                                       const FileName& file);

// The routes of the last configuration by their texts: a route whose text has not changed is neither parsed
// nor loaded again, and is the same object in both configurations. Control thread.
class KeptItems {
 public:
  // The key of the list at the top level whose elements are kept; a SharedList in the Config.
  static constexpr std::string_view kList = "routes";

  // The element with this text in this file; null when it is not known.
  std::shared_ptr<KeptItem> find(const FileName& file, std::string_view text) const;
  void replace(const std::vector<std::shared_ptr<KeptItem>>& items);

 private:
  struct Entry {
    uint64_t hash;
    std::shared_ptr<KeptItem> item;
  };
  std::vector<Entry> items_;  // sorted by the hash of the text
};

// As parse_yaml(), but parses only those elements of the list that `kept` does not know. The others are nodes
// of the kind kKept. The result means the same as that of parse_yaml(): where the text is not surely made of
// whole elements, all of it is parsed; so it is where `kept` is null.
std::shared_ptr<YamlNode> parse_yaml_keeping(std::string_view text, const std::string& file,
                                             const KeptItems* kept, Diagnostics& diagnostics);

}  // namespace portcullis::config
