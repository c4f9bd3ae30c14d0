#pragma once

#include <memory>
#include <span>
#include <vector>

#include "config/json_document.h"
#include "config/model.h"
#include "config/object.h"

namespace portcullis::config {

// A configuration that has been loaded, as objects, from which it can be loaded again without reading files:
// what has not changed is neither parsed nor loaded another time. Control thread.
struct ObjectDocument {
  // What the files have besides named objects. Null when nothing has been loaded.
  std::shared_ptr<const YamlNode> settings;
  // Those of files in the order of the files, and for each kind then those of the API.
  std::vector<ObjectPointer> objects;
};

// The objects of `document`, which has been loaded as `config`.
ObjectDocument objects_of(const YamlNode& document, const Config& config);

// Adds an empty list of listeners to a document that has none and needs none, because they may come through
// the admin API.
void supply_listeners(YamlNode& document);

// Reports objects that may not stand in the files of `config`.
void check_objects_of_files(const YamlNode& document, const Config& config, Diagnostics& diagnostics);

// The document of which `files` are the settings and objects. It is independent of `files`, which stay as
// they are.
std::shared_ptr<YamlNode> document_of(const YamlNode& settings, std::span<const ObjectPointer> files);

// Adds objects of the API to a document; within a kind they follow those of the files. Mistakes that are
// found before loading are added to `diagnostics`.
void add_objects(YamlNode& document, std::span<const ObjectPointer> objects, const MayRefer& may_refer,
                 Diagnostics& diagnostics);

}  // namespace portcullis::config
