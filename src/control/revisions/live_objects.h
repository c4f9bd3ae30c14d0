#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/object.h"
#include "config/object_document.h"
#include "store/revision.h"
#include "store/store.h"

namespace portcullis::control {

using config::ObjectKind;
using config::ObjectPointer;

// Which object of a configuration.
struct ObjectId {
  const ObjectKind* kind;
  std::string name;

  bool operator==(const ObjectId&) const = default;
  // By kind, in the order of object_kinds(), and name.
  bool operator<(const ObjectId& other) const {
    return kind != other.kind ? kind < other.kind : name < other.name;
  }
  std::string title() const { return config::title_of(*kind, name); }
};

// The objects of a revision that is in force, or of a draft of one. Control thread.
class LiveObjects {
 public:
  struct Entry {
    ObjectPointer object;
    uint64_t revision;  // the one that has put the object, in this form
  };
  // In the order of ObjectId.
  using Entries = std::vector<std::pair<ObjectId, Entry>>;

  const Entries& entries() const { return entries_; }
  // The first entry that is not before `id`.
  Entries::const_iterator lower_bound(const ObjectId& id) const;
  const Entry* find(const ObjectId& id) const;
  // Null before there is a configuration.
  const config::ObjectDocument& document() const { return document_; }

  // The objects of the admin API, by kind and name.
  std::vector<ObjectPointer> of_api() const;
  // The objects of files, in their order.
  std::vector<ObjectPointer> of_files() const;

  // Which objects are compared.
  enum class Whose { kAll, kOfApi };
  // How `next` differs from these objects, for the store.
  store::Changes changes_to(const config::ObjectDocument& next, Whose whose = Whose::kAll) const;
  // Takes over the objects of the revision `number`. Those that are as before keep their revision.
  void replace(config::ObjectDocument next, uint64_t number);
  // As replace(), for a revision that others have stored as `stored`: the objects that it has in the same
  // form keep the revision that it says.
  void follow(config::ObjectDocument next, uint64_t number, const LiveObjects& stored);
  // The objects of which the other has none, or one in another form, and the other way round.
  std::set<ObjectId> differences(const LiveObjects& other) const;
  // Takes the objects that the other has in the same form from it: those that have been loaded are not loaded
  // again.
  void share(const LiveObjects& other);
  // Begins with what a store has.
  void begin(const std::vector<store::StoredObject>& objects);

 private:
  config::ObjectDocument document_;
  Entries entries_;
};

// True when an object, as JSON, has this label. In a file, the value of a label can be a number.
bool has_label(const nlohmann::json& object, const std::string& key, const std::string& value);

ObjectId id_of(const config::Object& object);
store::Object stored_form_of(const config::Object& object);
// Nothing when the kind is not known to this version.
std::optional<config::Object> object_of(const store::StoredObject& stored);
// The objects of a revision of the store; none when the store does not have it.
Result<LiveObjects> stored_objects(store::Store& store, uint64_t number);

}  // namespace portcullis::control
