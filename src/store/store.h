#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "sqlite/database.h"
#include "store/retention.h"
#include "store/revision.h"
#include "store/schema.h"
#include "store/secret_box.h"

namespace portcullis::store {

// What a new revision is, apart from its objects.
struct Draft {
  // The newest revision that the author has seen. When another one was appended since, nothing is stored.
  uint64_t newest = 0;
  std::chrono::sys_seconds time;  // also the time by which revisions expire
  std::string author;
  std::string message;
  // The revision whose objects were changed. It is another one than the newest when the newest one was
  // withdrawn.
  std::optional<uint64_t> parent{};
};

// How the objects differ from those of the newest revision. No object may be named twice.
struct Changes {
  std::vector<Object> put;
  std::vector<ObjectName> remove;  // one that is not there is ignored
};

// What became of a draft.
struct Appended {
  Revision revision;
};
struct Unchanged {
  uint64_t number;  // the parent, which has the same objects
};
struct Overtaken {
  uint64_t newest;
  std::string message;
};
struct Unusable {
  ObjectName object;
  std::string message;
};
using AppendOutcome = std::variant<Appended, Unchanged, Overtaken, Unusable>;

// Revisions of objects in a SQLite file, which several processes may use at the same time.
//
// Numbers begin with 1 and have no gaps. An append is one transaction: after a failure, or the end of the
// process at any moment, the revision is there with all its objects or not at all. Secrets are encrypted in
// the file.
//
// Calls read and write files, and may wait some seconds for other processes: use one store from one thread at
// a time, never from a worker or the control thread. An Error means that the store could not do its work, and
// says what to do; the store can be used again when the reason is gone.
class Store {
 public:
  static Result<Store> open(const StoreFiles& files, sqlite::Database::IfAbsent if_absent,
                            Retention retention = {});

  // The number of the newest revision; 0 when there is none.
  Result<uint64_t> newest();
  Result<Found<Revision>> revision(uint64_t number);
  // At most `limit` kept revisions with numbers below `before`, the newest first.
  Result<std::vector<Revision>> revisions(uint64_t before, size_t limit);

  // All objects of a revision, in the order of kind and name (as bytes). Revision 0 has none.
  Result<Found<std::vector<StoredObject>>> objects(uint64_t number);
  Result<Found<StoredObject>> object(uint64_t number, const ObjectName& id);

  // Appends a revision with the objects of the newest one, changed.
  Result<AppendOutcome> append(const Draft& draft, const Changes& changes);
  // Appends a revision with exactly these objects.
  Result<AppendOutcome> append_all(const Draft& draft, const std::vector<Object>& objects);

  // Gives a tag to a revision. A tag that another revision has moves to this one. Returns the number.
  Result<Found<uint64_t>> tag(std::string_view name, uint64_t number);
  enum class Untagged { kRemoved, kUnknown };
  Result<Untagged> remove_tag(std::string_view name);

 private:
  enum class Scope { kChanges, kWhole };

  Store(StoreFiles files, sqlite::Database database, SecretBox box, Retention retention);

  Status refresh_keys();
  Result<std::optional<Missing>> missing(uint64_t number);
  Result<StoredObject> stored_object(const sqlite::Rows& row);
  Result<AppendOutcome> append_in_scope(const Draft& draft, const Changes& changes, Scope scope);

  StoreFiles files_;
  sqlite::Database database_;
  SecretBox box_;
  Retention retention_;
};

}  // namespace portcullis::store
