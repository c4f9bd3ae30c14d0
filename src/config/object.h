#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"
#include "config/yaml.h"

namespace portcullis::config {

// A kind of objects. Objects are the parts of a configuration that can be created, changed and published by
// themselves; everything else at its top level are settings of the node.
struct ObjectKind {
  std::string_view key;   // at the top level of a configuration: "routes"
  std::string_view noun;  // of one object, for messages: "route"
  bool is_single;         // one object without a name: the whole value of `key`

  // The key as it is written in URLs and on the command line, with hyphens.
  std::string word() const;
};
std::span<const ObjectKind> object_kinds();
// The kind with that key, in which hyphens and underscores are the same; or null.
const ObjectKind* find_object_kind(std::string_view word);

// An object as it was written. Immutable.
struct Object {
  const ObjectKind* kind;
  std::string name;  // empty for a single object
  // Canonical JSON (base/canonical_json.h). Variables and files have been replaced in objects of files; `${`
  // itself is written `$${`, as in a file.
  std::string json;
  std::vector<std::string> secrets;  // JSON pointers to the values that are secret
  Location location;
  // The element of the Config's list that was loaded from it. Null for a single object, and for an object
  // whose references have to be replaced anew.
  std::shared_ptr<const void> value{};
  // The node that stands for the object in later documents once it has been loaded (object_document.cpp).
  mutable YamlNode kept_node{};

  bool is_from_file() const { return !location.is_from_api(); }
};
using ObjectPointer = std::shared_ptr<const Object>;

// The object that `node` has been loaded as; its secrets are those that loading has marked.
Object object_of(const ObjectKind& kind, const YamlNode& node);
// The JSON of a document that was sent as YAML: what the object that it describes is made of. An error when
// it is too large, because its aliases stand for more than was sent.
Result<nlohmann::json> written_json(const YamlNode& node);
// The name of the object in `node`; empty when it has none.
std::string name_of_object(const YamlNode& node);
// "routes/orders", or "policies".
std::string title_of(const ObjectKind& kind, std::string_view name);

}  // namespace portcullis::config
