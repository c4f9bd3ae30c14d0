#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostics.h"

namespace portcullis::config {

struct KeptItem;
struct Object;
struct ListText;

// A node of a YAML document with its position in the file. Children are shared, because an alias refers to
// the node of its anchor.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping, kKept };

  Kind kind = Kind::kNull;
  Location location;
  std::string scalar;
  bool quoted = false;  // a quoted scalar is always a string
  // The parts of `scalar` that were inserted from variables and files, as [begin, end), in order.
  std::vector<std::pair<size_t, size_t>> inserted;
  std::vector<std::shared_ptr<YamlNode>> items;
  std::vector<std::pair<std::shared_ptr<YamlNode>, std::shared_ptr<YamlNode>>> members;
  // The scalar before its references were replaced, in a document that does not come from a file; empty when
  // it has none.
  std::string written{};
  // What the type that has read this node says about its value (config/marked_type.h).
  enum class Mark { kNone, kSecret, kFile };
  mutable Mark mark = Mark::kNone;
  // Of an element of a list whose elements are kept (config/kept_items.h): its text.
  std::shared_ptr<KeptItem> item{};
  // Of a node of the kind kKept, which has nothing else: what has been loaded before. Of a node that was made
  // of an object: that object.
  std::shared_ptr<const Object> object{};

  const YamlNode* find(std::string_view key) const;
};

// True for extension keys, which begin with `x-` and are permitted in every mapping with known keys. The
// gateway ignores them, except for anchors in their values.
constexpr bool is_extension_key(std::string_view key) {
  return key.starts_with("x-");
}

// Parses one document (JSON is YAML too). Null after an error, which is added to `diagnostics`. Duplicate
// keys, a second document, recursive aliases and excessive nesting are errors. The merge key (`<<: *anchor`,
// of YAML 1.1) is resolved: keys of the mapping itself take precedence over merged keys, and earlier merged
// mappings over later ones. Hints about misleading characters are added to `diagnostics`.
// `list`, unless it is null, is what find_list() has found in the text: its elements get their `item`, except
// those that depend on other parts of the text by an anchor, an alias or a merge key.
std::shared_ptr<YamlNode> parse_yaml(std::string_view text, const std::string& file, Diagnostics& diagnostics,
                                     const ListText* list = nullptr);

// A part of a file, which begins at that line.
struct YamlText {
  std::string_view text;
  FileName file;
  size_t line = 1;
  size_t depth = 0;  // of its root in the document
};
struct YamlPart {
  std::shared_ptr<YamlNode> root;
  bool depends = false;  // it has anchors, aliases or merge keys
  bool is_flow = false;  // its root is written in braces or brackets
  Hints hints{};         // which have been added to the diagnostics, too
};
// As above, for a part of a file.
YamlPart parse_yaml_part(const YamlText& text, Diagnostics& diagnostics);

}  // namespace portcullis::config
