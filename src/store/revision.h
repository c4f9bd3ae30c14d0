#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace portcullis::store {

// Which object of a revision. An object of which a revision has only one, such as `policies`, has an empty
// name.
struct ObjectName {
  std::string kind;
  std::string name;

  bool operator==(const ObjectName&) const = default;
  bool operator<(const ObjectName& other) const {
    return std::tie(kind, name) < std::tie(other.kind, other.name);
  }
};

// Who owns an object: the files of a node, in which alone it can be changed, or the admin API.
enum class Owner { kApi, kFile };

// An object as it is given to the store, and as the store gives it back.
struct Object {
  ObjectName id;
  std::string json;                  // from the store: the canonical form (base/canonical_json.h)
  std::vector<std::string> secrets;  // JSON pointers (RFC 6901) to the values that are encrypted
  Owner owner = Owner::kApi;
  bool is_canonical = false;  // `json` is known to be in the canonical form
};

// An object of a revision.
struct StoredObject {
  Object object;
  uint64_t revision;   // the revision that has put it there, in this form
  std::string digest;  // hexadecimal; equal objects of one name have equal digests
};

// What a revision is, apart from its objects. Only its tags can change.
struct Revision {
  uint64_t number;
  std::chrono::sys_seconds time;
  std::string author;
  std::string message;
  uint64_t parent;
  std::string hash;     // hexadecimal; revisions with equal objects have equal hashes
  std::string summary;  // how it differs from its parent: "+2 routes, ~1 upstream"
  std::vector<std::string> tags;
};

// Why there is no such revision or object.
enum class Missing {
  kRevision,  // there never was a revision of this number
  kExpired,   // there was one, and it was not kept
  kObject,    // the revision has no object of this name
};
template <typename T>
using Found = std::variant<T, Missing>;

}  // namespace portcullis::store
