#pragma once

#include <chrono>
#include <cstdint>
#include <map>
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
  // The hash of that revision. A store that has been restored may have another revision of the same number:
  // nothing is stored then, either. Empty: it is not compared.
  std::string newest_hash{};
  std::chrono::sys_seconds time;  // also the time by which revisions expire
  std::string author;
  std::string message;
  // The revision whose objects were changed. It is another one than the newest when the newest one was
  // withdrawn.
  std::optional<uint64_t> parent{};
  // For a canary: what the caller wants to know about it after a restart. The revision is then stored beside
  // its parent, which stays in force. When this is empty, the revision is in force once it is stored.
  std::string canary{};
};

// Which of the revisions is in force.
struct InForce {
  uint64_t number = 0;   // 0 when there is none
  std::string canary{};  // Draft::canary of the newest revision while it is a canary; or else empty

  bool operator==(const InForce&) const = default;
};

// By what a process sees that another one has written to the store.
struct Head {
  uint64_t newest = 0;  // 0 when there is no revision
  std::string hash{};   // Revision::hash of the newest revision
  InForce in_force{};

  bool operator==(const Head&) const = default;
};

// How the objects differ from those of the newest revision. No object may be named twice.
struct Changes {
  std::vector<Object> put;
  std::vector<ObjectName> remove;  // one that is not there is ignored

  bool empty() const { return put.empty() && remove.empty(); }
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
// A revision that was published elsewhere.
struct Foreign {
  Revision revision;        // without tags
  std::string publication;  // tells this revision from another one with the same number
  enum class Scope {
    kChanges,  // `put` and `remove` say how it differs from revision `base`, the newest one of the store
    kWhole     // `put` has all objects
  } scope;
  std::vector<StoredObject> put;  // with the revisions that have put them there
  std::vector<ObjectName> remove{};
  uint64_t base = 0;
};

// The revisions' numbers by the names of their tags.
using Tags = std::map<std::string, uint64_t>;

// What is said of a draft whose author has not seen the newest revision.
Overtaken overtaken_by(uint64_t newest, const Draft& draft);
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

  // A store without a file, which ends with this object.
  static Result<Store> open_in_memory(Retention retention = {});

  // A short text that the store keeps beside the revisions, such as the name of the node; empty when there is
  // none.
  Result<std::string> note(std::string_view name);
  Status set_note(std::string_view name, std::string_view value);

  // The keys of the store as they are now. Rekeying keeps the key of digests.
  const SecretBox& box() const { return box_; }

  // As those of sqlite::Database.
  void defer_checkpoints() { database_.defer_checkpoints(); }
  bool is_checkpoint_due() const { return database_.is_checkpoint_due(); }
  void checkpoint() { database_.checkpoint(); }

  // The number of the newest revision; 0 when there is none.
  Result<uint64_t> newest();
  Result<Found<Revision>> revision(uint64_t number);
  // At most `limit` kept revisions with numbers below `before`, the newest first.
  Result<std::vector<Revision>> revisions(uint64_t before, size_t limit);

  // The kinds of a revision's objects, in their order; none when there is no such revision.
  Result<std::vector<std::string>> kinds(uint64_t number);
  // All objects of a revision, in the order of kind and name (as bytes). Revision 0 has none.
  Result<Found<std::vector<StoredObject>>> objects(uint64_t number);
  Result<Found<StoredObject>> object(uint64_t number, const ObjectName& id);

  // Appends a revision with the objects of the newest one, changed.
  Result<AppendOutcome> append(const Draft& draft, const Changes& changes);
  // Appends a revision with exactly these objects.
  Result<AppendOutcome> append_all(const Draft& draft, const std::vector<Object>& objects);

  // Takes over revisions that were published elsewhere, in the order of their numbers, which are kept;
  // numbers may be left out. All are stored or none. A revision that the store has already is passed over.
  // An error when the store has another revision of that number, when it lacks a revision that is changed, or
  // when the objects are not those of the revision's hash. With `tags`, they are set as by set_tags(), and
  // keep their revisions from expiring. With `canary`, that text is set as by set_canary().
  Status take_over(const std::vector<Foreign>& revisions, const std::optional<Tags>& tags = {},
                   const std::optional<std::string>& canary = {});
  // The number and Foreign::publication of the revision that was taken over last; empty when there is none.
  // An error when the store has revisions of its own: its newest one was not taken over.
  struct TakenOver {
    uint64_t number = 0;
    std::string publication{};

    bool operator==(const TakenOver&) const = default;
  };
  Result<TakenOver> taken_over();
  // The tags are exactly these; those of revisions that are not kept are left out.
  Status set_tags(const Tags& tags);

  Result<InForce> in_force();
  Result<Head> head();
  // Stores that this revision is in force, without a canary.
  Status set_in_force(uint64_t number);
  // The next three are for the copy of a cluster. The first one stores what this node serves, and leaves the
  // canary. The others are about what the cluster's key `canary` says; empty without one.
  Status set_served(uint64_t number);
  Status set_canary(std::string_view text);
  Result<std::string> canary();
  // What set_in_force(), set_served() or an appended revision has stored last; nothing when neither was
  // called.
  Result<std::optional<uint64_t>> served();
  // The canary has ended, and this revision is in force: the newest one when the canary was promoted.
  Status end_canary(uint64_t in_force);

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
  Result<TakenOver> taken_over_alone();
  Status take_over_one(const Foreign& foreign, const std::string& key);

  StoreFiles files_;
  sqlite::Database database_;
  SecretBox box_;
  Retention retention_;
};

}  // namespace portcullis::store
