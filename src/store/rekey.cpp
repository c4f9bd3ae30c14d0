#include <algorithm>

#include "store/draft_table.h"
#include "store/maintenance.h"
#include "store/stored_form.h"

namespace portcullis::store {
namespace {

using sqlite::Rows;
using sqlite::Transaction;

struct SealedRow {
  int64_t object;
  std::string pointer, key, box;
  ObjectName id;
};

Result<std::vector<SealedRow>> all_secrets(sqlite::Database& database) {
  std::vector<SealedRow> out;
  Rows rows = database.query(
      "SELECT object, pointer, key, box, kind, name FROM secrets JOIN objects ON objects.id = "
      "secrets.object");
  while (rows.next()) {
    out.push_back({rows.integer(0),
                   std::string(rows.text(1)),
                   std::string(rows.text(2)),
                   std::string(rows.text(3)),
                   {std::string(rows.text(4)), std::string(rows.text(5))}});
  }
  if (!rows.status()) return rows.status().error();
  return out;
}

Status reseal(sqlite::Database& database, const SecretBox& box, const SealedRow& row,
              const std::string& key) {
  const std::string context = context_of(row.id, row.pointer);
  const auto opened = box.open(row.key, row.box, context);
  if (!opened) return opened.error();
  const auto sealed = box.seal(key, *opened, context);
  if (!sealed) return sealed.error();
  return database.run("UPDATE secrets SET key = ?3, box = ?4 WHERE object = ?1 AND pointer = ?2", row.object,
                      std::string_view(row.pointer), std::string_view(key), sqlite::Blob{sealed->box});
}

// Reads the key file, which must be there.
Result<KeyRing> present_keys(const std::string& key_file) {
  auto ring = read_key_file(key_file);
  if (!ring) return ring.error();
  if (!*ring) return Error{"key file " + key_file + ": the file is missing"};
  return std::move(**ring);
}

// Removes all keys but the current one from the key file. Under the lock of writers, because another rekeying
// may have added its key.
Status forget_old_keys(sqlite::Database& database, const std::string& key_file) {
  auto transaction = Transaction::begin(database, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  const auto current = current_key(database);
  if (!current) return current.error();
  auto ring = present_keys(key_file);
  if (!ring) return ring.error();
  const Key* key = ring->find(*current);
  if (key == nullptr) return Error{"key file " + key_file + ": the current key is missing"};
  return replace_key_file(key_file, {ring->digest_key, {*key}});
}

// The key of a copy of a cluster's revisions is the cluster's, which its other nodes need too.
Status refuse_copy(sqlite::Database& database, const StoreFiles& files) {
  const auto taken_over = meta_of(database, kTakenOver);
  if (!taken_over) return taken_over.error();
  if (taken_over->empty()) return {};
  return Error{files.database +
               ": the store is the copy of a cluster, whose nodes share the key file, so its key stays. For "
               "other keys, "
               "make a cluster with a new key file below another `store.etcd.prefix`"};
}

}  // namespace

Result<size_t> rekey_store(const StoreFiles& files) {
  auto database = open_database(files, sqlite::Database::IfAbsent::kFail);
  if (!database) return database.error();
  size_t count = 0;
  {
    auto transaction = Transaction::begin(*database, Transaction::Kind::kWrite);
    if (!transaction) return transaction.error();
    if (Status refused = refuse_copy(*database, files); !refused) return refused.error();
    if (const auto usable = open_keys(*database, files.key_file); !usable) return usable.error();
    auto ring = present_keys(files.key_file);
    if (!ring) return ring.error();
    const Key fresh = generate_key();
    ring->keys.insert(ring->keys.begin(), fresh);
    // Before anything is sealed with it, the new key is on the disk.
    if (Status written = replace_key_file(files.key_file, *ring); !written) return written.error();
    const SecretBox box(std::move(*ring));
    const auto secrets = all_secrets(*database);
    if (!secrets) return secrets.error();
    for (const SealedRow& row : *secrets) {
      if (Status sealed = reseal(*database, box, row, fresh.id); !sealed)
        return Error{files.database + ": " + sealed.error().message};
    }
    const auto drafts = reseal_drafts(*database, box, fresh.id);
    if (!drafts) return Error{files.database + ": " + drafts.error().message};
    if (Status set = set_current_key(*database, box, fresh.id); !set) return set.error();
    if (Status done = transaction->commit(); !done) return done.error();
    count = secrets->size();
  }
  if (Status forgotten = forget_old_keys(*database, files.key_file); !forgotten) return forgotten.error();
  // The log still has what the old key opens. While other processes read, it stays until their next
  // checkpoint.
  static_cast<void>(database->run("PRAGMA wal_checkpoint(TRUNCATE)"));
  return count;
}

}  // namespace portcullis::store
