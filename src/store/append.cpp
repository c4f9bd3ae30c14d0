#include <algorithm>
#include <map>
#include <set>

#include "crypto/encoding.h"
#include "store/retention.h"
#include "store/store.h"
#include "store/stored_form.h"

// Appends a revision to a store: what it changes, its hash, its summary, and the end of revisions that have
// expired.
namespace portcullis::store {
namespace {

using sqlite::Rows;
using sqlite::Transaction;

// The objects of a draft, ready to be stored.
struct PreparedObject {
  const Object* object;
  StoredForm form;
};
struct PreparedObjects {
  std::vector<PreparedObject> put;
  std::optional<Unusable> unusable;
};

PreparedObjects prepare(const Changes& changes, const SecretBox& box) {
  PreparedObjects out;
  std::set<ObjectName> named;
  const auto twice = [&](const ObjectName& id) {
    if (named.insert(id).second) return false;
    out.unusable = Unusable{id, "the object is named twice"};
    return true;
  };
  for (const ObjectName& id : changes.remove) {
    if (twice(id)) return out;
  }
  out.put.reserve(changes.put.size());
  for (const Object& object : changes.put) {
    if (twice(object.id)) return out;
    auto form = stored_form_of(object, box);
    if (!form) {
      out.unusable = Unusable{object.id, form.error().message};
      return out;
    }
    out.put.push_back({&object, std::move(*form)});
  }
  return out;
}

// The row of an object of the newest revision.
struct NewestRow {
  int64_t id = 0;  // 0: there is none
  std::string digest;
};
Result<NewestRow> newest_row(sqlite::Database& database, const ObjectName& id) {
  Rows rows = database.query("SELECT id, digest FROM objects WHERE kind = ?1 AND name = ?2 AND until IS NULL",
                             std::string_view(id.kind), std::string_view(id.name));
  NewestRow out;
  if (rows.next()) out = {rows.integer(0), std::string(rows.text(1))};
  if (!rows.status()) return rows.status().error();
  return out;
}

// From revision `number` on, the object is gone.
Status end_object(sqlite::Database& database, const ObjectName& id, uint64_t number) {
  return database.run("UPDATE objects SET until = ?3 WHERE kind = ?1 AND name = ?2 AND until IS NULL",
                      std::string_view(id.kind), std::string_view(id.name), number);
}

// From revision `number` on, the object is as `prepared`. An object that is so already keeps its row.
Status put_object(sqlite::Database& database, const SecretBox& box, const std::string& key,
                  const PreparedObject& prepared, uint64_t number) {
  const ObjectName& id = prepared.object->id;
  const auto row = newest_row(database, id);
  if (!row) return row.error();
  const std::string_view digest = crypto::text_of(prepared.form.digest);
  if (row->id != 0 && row->digest == digest) return {};
  if (row->id != 0) {
    if (Status ended = end_object(database, id, number); !ended) return ended;
  }
  Status stored =
      database.run("INSERT INTO objects (kind, name, since, digest, content) VALUES (?1, ?2, ?3, ?4, ?5)",
                   std::string_view(id.kind), std::string_view(id.name), number, sqlite::Blob{digest},
                   std::string_view(prepared.form.content));
  const int64_t object = database.last_row();
  for (const Secret& secret : prepared.form.secrets) {
    if (!stored) return stored;
    const auto sealed = box.seal(key, secret.json, context_of(id, secret.pointer));
    if (!sealed) return sealed.error();
    stored = database.run("INSERT INTO secrets (object, pointer, key, box) VALUES (?1, ?2, ?3, ?4)", object,
                          std::string_view(secret.pointer), std::string_view(sealed->key),
                          sqlite::Blob{sealed->box});
  }
  return stored;
}

// Ends all objects of the newest revision that are not put.
Status end_others(sqlite::Database& database, const std::vector<PreparedObject>& put, uint64_t number) {
  std::set<ObjectName> kept;
  for (const PreparedObject& one : put) kept.insert(one.object->id);
  std::vector<ObjectName> others;
  Rows rows = database.query("SELECT kind, name FROM objects WHERE until IS NULL");
  while (rows.next()) {
    ObjectName id{std::string(rows.text(0)), std::string(rows.text(1))};
    if (!kept.contains(id)) others.push_back(std::move(id));
  }
  if (!rows.status()) return rows.status();
  for (const ObjectName& id : others) {
    if (Status ended = end_object(database, id, number); !ended) return ended;
  }
  return {};
}

Result<crypto::Digest256> hash_of_newest(sqlite::Database& database) {
  std::string digests;
  Rows rows = database.query(
      "SELECT digest FROM objects INDEXED BY objects_newest WHERE until IS NULL ORDER BY kind, name");
  while (rows.next()) digests += rows.text(0);
  if (!rows.status()) return rows.status().error();
  return crypto::sha256(digests);
}

// The hash of a kept revision. That of revision 0 is the hash of no objects.
Result<std::string> hash_of(sqlite::Database& database, uint64_t number) {
  const crypto::Digest256 of_nothing = crypto::sha256({});
  if (number == 0) return std::string(crypto::text_of(of_nothing));
  Rows rows = database.query("SELECT hash FROM revisions WHERE number = ?1", number);
  std::string hash = rows.next() ? std::string(rows.text(0)) : std::string();
  if (!rows.status()) return rows.status().error();
  return hash;
}

// "route" for one object of the kind `routes`. A kind without names is one object, and keeps its word.
std::string counted(const std::string& kind, size_t count, bool has_names) {
  if (!has_names) return kind;
  const std::string word = count == 1 && kind.ends_with('s') ? kind.substr(0, kind.size() - 1) : kind;
  return std::to_string(count) + " " + word;
}

// How the newest objects differ from those of `parent`: "+2 routes, ~1 upstream".
Result<std::string> summary_since(sqlite::Database& database, uint64_t parent) {
  std::map<ObjectName, std::string> before;
  Rows old =
      database.query("SELECT kind, name, digest FROM objects WHERE since <= ?1 AND until > ?1", parent);
  while (old.next()) before[{std::string(old.text(0)), std::string(old.text(1))}] = std::string(old.text(2));
  if (!old.status()) return old.status().error();
  using Counts =
      std::map<std::string, std::pair<size_t, bool>>;  // kind: how many, and whether they have names
  Counts added, changed, removed;
  const auto count = [](Counts& counts, const ObjectName& id) {
    auto& [number, has_names] = counts[id.kind];
    ++number;
    has_names = has_names || !id.name.empty();
  };
  Rows fresh =
      database.query("SELECT kind, name, digest FROM objects WHERE since > ?1 AND until IS NULL", parent);
  while (fresh.next()) {
    const ObjectName id{std::string(fresh.text(0)), std::string(fresh.text(1))};
    const auto one = before.find(id);
    if (one == before.end()) {
      count(added, id);
    } else {
      if (one->second != fresh.text(2)) count(changed, id);
      before.erase(one);
    }
  }
  if (!fresh.status()) return fresh.status().error();
  for (const auto& [id, digest] : before) count(removed, id);
  std::string out;
  for (const auto& [sign, counts] :
       {std::pair('+', &added), std::pair('~', &changed), std::pair('-', &removed)}) {
    for (const auto& [kind, number] : *counts)
      out += (out.empty() ? "" : ", ") + std::string(1, sign) + counted(kind, number.first, number.second);
  }
  return out;
}

Status insert_revision(sqlite::Database& database, const Revision& revision, std::string_view hash) {
  return database.run(
      "INSERT INTO revisions (number, time, author, message, parent, hash, summary) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      revision.number, revision.time.time_since_epoch().count(), std::string_view(revision.author),
      std::string_view(revision.message), revision.parent, sqlite::Blob{hash},
      std::string_view(revision.summary));
}

Overtaken overtaken(const Draft& draft, uint64_t newest) {
  return {newest, "revision " + std::to_string(newest) +
                      " is the newest, and this change was made from revision " +
                      std::to_string(draft.newest) + ": look at what has changed since, and try again"};
}

}  // namespace

Result<AppendOutcome> Store::append(const Draft& draft, const Changes& changes) {
  return append_in_scope(draft, changes, Scope::kChanges);
}

Result<AppendOutcome> Store::append_all(const Draft& draft, const std::vector<Object>& objects) {
  return append_in_scope(draft, {objects, {}}, Scope::kWhole);
}

Result<AppendOutcome> Store::append_in_scope(const Draft& draft, const Changes& changes, Scope scope) {
  // Digests do not depend on the current key, so objects are prepared without keeping other writers waiting.
  const PreparedObjects prepared = prepare(changes, box_);
  if (prepared.unusable) return AppendOutcome(*prepared.unusable);
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  if (Status refreshed = refresh_keys(); !refreshed) return refreshed.error();
  const auto key = current_key(database_);
  if (!key) return key.error();
  const auto last = newest();
  if (!last) return last.error();
  if (*last != draft.newest) return AppendOutcome(overtaken(draft, *last));

  const uint64_t number = *last + 1, parent = draft.parent.value_or(*last);
  for (const ObjectName& id : changes.remove) {
    if (Status ended = end_object(database_, id, number); !ended) return ended.error();
  }
  for (const PreparedObject& one : prepared.put) {
    if (Status put = put_object(database_, box_, *key, one, number); !put) return put.error();
  }
  if (scope == Scope::kWhole) {
    if (Status ended = end_others(database_, prepared.put, number); !ended) return ended.error();
  }
  const auto hash = hash_of_newest(database_);
  if (!hash) return hash.error();
  const auto parents_hash = hash_of(database_, parent);
  if (!parents_hash) return parents_hash.error();
  if (*parents_hash == crypto::text_of(*hash)) return AppendOutcome(Unchanged{parent});
  auto summary = summary_since(database_, parent);
  if (!summary) return summary.error();
  const Revision revision{.number = number,
                          .time = draft.time,
                          .author = draft.author,
                          .message = draft.message,
                          .parent = parent,
                          .hash = crypto::hex_encode(crypto::text_of(*hash)),
                          .summary = std::move(*summary),
                          .tags = {}};
  if (Status added = insert_revision(database_, revision, crypto::text_of(*hash)); !added)
    return added.error();
  if (Status expired = expire_revisions(database_, retention_, number, draft.time); !expired)
    return expired.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return AppendOutcome(Appended{revision});
}

}  // namespace portcullis::store
