#include "store/object_rows.h"

#include <set>

namespace portcullis::store {

using sqlite::Rows;

namespace {

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

// From revision `number` on, the object of this row is gone.
Status end_row(sqlite::Database& database, int64_t id, uint64_t number) {
  return database.run("UPDATE objects SET until = ?2 WHERE id = ?1", id, number);
}

}  // namespace

Result<bool> end_object(sqlite::Database& database, const ObjectName& id, uint64_t number) {
  Rows rows = database.query(
      "UPDATE objects SET until = ?3 WHERE kind = ?1 AND name = ?2 AND until IS NULL RETURNING id",
      std::string_view(id.kind), std::string_view(id.name), number);
  bool is_ended = false;
  while (rows.next()) is_ended = true;
  if (!rows.status()) return rows.status().error();
  return is_ended;
}

Result<Put> put_object(sqlite::Database& database, const SecretBox& box, const std::string& key,
                       const PreparedObject& prepared, uint64_t number) {
  const ObjectName& id = prepared.object->id;
  const auto row = newest_row(database, id);
  if (!row) return row.error();
  const std::string_view digest = crypto::text_of(prepared.form.digest);
  if (row->id != 0 && row->digest == digest) return Put::kSame;
  if (row->id != 0) {
    if (Status ended = end_row(database, row->id, number); !ended) return ended.error();
  }
  Status stored = database.run(
      "INSERT INTO objects (kind, name, since, owner, digest, content) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      std::string_view(id.kind), std::string_view(id.name), number,
      static_cast<int64_t>(prepared.object->owner), sqlite::Blob{digest},
      std::string_view(prepared.form.content));
  const int64_t object = database.last_row();
  for (const Secret& secret : prepared.form.secrets) {
    if (!stored) return stored.error();
    const auto sealed = box.seal(key, secret.json, context_of(id, secret.pointer));
    if (!sealed) return sealed.error();
    stored = database.run("INSERT INTO secrets (object, pointer, key, box) VALUES (?1, ?2, ?3, ?4)", object,
                          std::string_view(secret.pointer), std::string_view(sealed->key),
                          sqlite::Blob{sealed->box});
  }
  if (!stored) return stored.error();
  return row->id == 0 ? Put::kAdded : Put::kChanged;
}

Result<std::vector<ObjectName>> end_others(sqlite::Database& database, const std::vector<PreparedObject>& put,
                                           uint64_t number) {
  std::set<ObjectName> kept;
  for (const PreparedObject& one : put) kept.insert(one.object->id);
  std::vector<ObjectName> others;
  Rows rows = database.query("SELECT kind, name FROM objects WHERE until IS NULL");
  while (rows.next()) {
    ObjectName id{std::string(rows.text(0)), std::string(rows.text(1))};
    if (!kept.contains(id)) others.push_back(std::move(id));
  }
  if (!rows.status()) return rows.status().error();
  for (const ObjectName& id : others) {
    if (const auto ended = end_object(database, id, number); !ended) return ended.error();
  }
  return others;
}

Result<crypto::Digest256> hash_of_newest(sqlite::Database& database) {
  std::string digests;
  Rows rows = database.query(
      "SELECT digest FROM objects INDEXED BY objects_newest WHERE until IS NULL ORDER BY kind, name");
  while (rows.next()) digests += rows.text(0);
  if (!rows.status()) return rows.status().error();
  return crypto::sha256(digests);
}

Status insert_revision(sqlite::Database& database, const Revision& revision, std::string_view hash) {
  return database.run(
      "INSERT INTO revisions (number, time, author, message, parent, hash, summary) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      revision.number, revision.time.time_since_epoch().count(), std::string_view(revision.author),
      std::string_view(revision.message), revision.parent, sqlite::Blob{hash},
      std::string_view(revision.summary));
}

}  // namespace portcullis::store
