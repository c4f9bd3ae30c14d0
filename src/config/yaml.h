#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostics.h"

namespace portcullis::config {

// One node of a YAML document with its place in the file. Children are shared, because an alias stands for
// the node of its anchor.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  Location location;
  std::string scalar;
  bool quoted = false;  // a quoted scalar is a string, whatever it looks like
  // The parts of `scalar` that came from variables and files, as [begin, end), in order.
  std::vector<std::pair<size_t, size_t>> inserted;
  std::vector<std::shared_ptr<YamlNode>> items;
  std::vector<std::pair<std::shared_ptr<YamlNode>, std::shared_ptr<YamlNode>>> members;

  const YamlNode* find(std::string_view key) const;
};

// Keys that begin so are the author's own, wherever a mapping has known keys: nothing reads them, but for
// anchors in their values.
constexpr bool is_extension_key(std::string_view key) {
  return key.starts_with("x-");
}

// Parses one document (JSON is YAML too). Null after an error, which is in `diagnostics`. Duplicate keys, a
// second document, recursive aliases and unreasonable nesting are errors. The merge key (`<<: *anchor`, of
// YAML 1.1) is resolved: keys of the mapping itself win over merged ones, and those merged first over others.
// Hints about characters that mislead their author are added to `diagnostics`.
std::shared_ptr<YamlNode> parse_yaml(std::string_view text, const std::string& file,
                                     Diagnostics& diagnostics);

}  // namespace portcullis::config
