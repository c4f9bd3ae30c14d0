#include "store/schema.h"

#include "crypto/digest.h"

namespace portcullis::store {
namespace {

constexpr int64_t kSchemaVersion = 1;
constexpr int64_t kApplicationId = 0x50434C53;  // "PCLS"
constexpr std::string_view kSealedText = "portcullis";

constexpr const char* kTables = R"(
CREATE TABLE revisions (
  number INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  author TEXT NOT NULL,
  message TEXT NOT NULL,
  parent INTEGER NOT NULL,
  hash BLOB NOT NULL,
  summary TEXT NOT NULL
);
CREATE INDEX revisions_time ON revisions (time);
CREATE TABLE objects (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  owner INTEGER NOT NULL,
  digest BLOB NOT NULL,
  content TEXT NOT NULL
);
CREATE INDEX objects_name ON objects (kind, name, since);
CREATE INDEX objects_newest ON objects (kind, name, digest) WHERE until IS NULL;
CREATE INDEX objects_since ON objects (since);
CREATE INDEX objects_until ON objects (until) WHERE until IS NOT NULL;
CREATE TABLE secrets (
  object INTEGER NOT NULL,
  pointer TEXT NOT NULL,
  key TEXT NOT NULL,
  box BLOB NOT NULL,
  PRIMARY KEY (object, pointer)
) WITHOUT ROWID;
CREATE TABLE tags (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
PRAGMA application_id = 0x50434C53;
PRAGMA user_version = 1;
)";
static_assert(kApplicationId == 0x50434C53 && kSchemaVersion == 1, "kTables has the same numbers");

// Whether the file is a store, a file without any table, or neither: then an error.
enum class Content { kStore, kEmpty };
Result<Content> content_of(sqlite::Database& database) {
  const auto application = database.integer("PRAGMA application_id");
  if (!application) return application.error();
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return version.error();
  const auto tables = database.integer("SELECT COUNT(*) FROM sqlite_master");
  if (!tables) return tables.error();
  if (*application == 0 && *version == 0 && *tables == 0) return Content::kEmpty;
  if (*application != kApplicationId)
    return Error{database.path() + ": the file is a database of another program: name another file"};
  if (*version > kSchemaVersion)
    return Error{database.path() + ": the store was written by a newer version of Portcullis (schema " +
                 std::to_string(*version) + ", this version knows " + std::to_string(kSchemaVersion) +
                 "): use that version, or restore a backup that was made before it"};
  return Content::kStore;
}

// As content_of(), while another process may be creating the tables.
Result<Content> content_at_one_moment(sqlite::Database& database) {
  const auto transaction = sqlite::Transaction::begin(database, sqlite::Transaction::Kind::kRead);
  return transaction ? content_of(database) : transaction.error();
}

// Creates the tables, unless another process has done it meanwhile. An existing key file is used.
Status create_tables_of_file(sqlite::Database& database, const std::string& key_file) {
  if (Status set = database.use_write_ahead_log(); !set) return set;
  auto transaction = sqlite::Transaction::begin(database, sqlite::Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  const auto content = content_of(database);
  if (!content) return content.error();
  if (*content == Content::kStore) return {};
  auto existing = read_key_file(key_file);
  if (!existing) return existing.error();
  auto ring = *existing ? Result<KeyRing>(std::move(**existing)) : create_key_file(key_file);
  if (!ring) return ring.error();
  if (Status created = create_tables(database, SecretBox(std::move(*ring))); !created) return created;
  return transaction->commit();
}

Result<SecretBox> box_of(const sqlite::Database& database, const std::string& key_file) {
  auto ring = read_key_file(key_file);
  if (!ring) return ring.error();
  if (!*ring)
    return Error{"key file " + key_file + ": the file is missing, and the secrets of the store " +
                 database.path() + " cannot be read without it: put back its copy"};
  return SecretBox(std::move(**ring));
}

}  // namespace

Status set_meta(sqlite::Database& database, std::string_view name, std::string_view value) {
  return database.run("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", name, sqlite::Blob{value});
}

// The value of a name; empty when there is none.
Result<std::string> meta_of(sqlite::Database& database, std::string_view name) {
  sqlite::Rows rows = database.query("SELECT value FROM meta WHERE name = ?1", name);
  std::string value = rows.next() ? std::string(rows.text(0)) : std::string();
  if (!rows.status()) return rows.status().error();
  return value;
}

Status create_tables(sqlite::Database& database, const SecretBox& box) {
  if (Status created = database.run_script(kTables); !created) return created;
  if (Status set = set_current_key(database, box, box.first_key()); !set) return set;
  const crypto::Digest256 digest = box.digest(kSealedText);
  return set_meta(database, "digest", crypto::text_of(digest));
}

Result<sqlite::Database> open_database(const StoreFiles& files, sqlite::Database::IfAbsent if_absent) {
  auto database = sqlite::Database::open(files.database, if_absent);
  if (!database) return database.error();
  // FULL: a commit has reached the disk when it returns. The cache has room for the pages of a revision that
  // changes tens of thousands of objects: what does not fit is written and read twice.
  if (Status set = database->run_script("PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; "
                                        "PRAGMA secure_delete = ON; "
                                        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
      !set)
    return set.error();
  const auto content = content_at_one_moment(*database);
  if (!content) return content.error();
  if (*content == Content::kStore) return database;
  if (if_absent == sqlite::Database::IfAbsent::kFail)
    return Error{files.database + ": the file is empty, and not a store"};
  if (Status created = create_tables_of_file(*database, files.key_file); !created) return created.error();
  return database;
}

Result<SecretBox> open_keys(sqlite::Database& database, const std::string& key_file) {
  auto box = box_of(database, key_file);
  if (!box) return box;
  const auto key = current_key(database);
  if (!key) return key.error();
  if (!box->has_key(*key)) {
    // The store was rekeyed after the file was read, and before the transaction has seen the store.
    box = box_of(database, key_file);
    if (!box) return box;
  }
  const auto sealed = meta_of(database, "sealed");
  if (!sealed) return sealed.error();
  const auto digest = meta_of(database, "digest");
  if (!digest) return digest.error();
  const auto opened = box->open(*key, *sealed, "meta");
  const crypto::Digest256 expected = box->digest(kSealedText);
  if (!opened || *opened != kSealedText || *digest != crypto::text_of(expected))
    return Error{"key file " + key_file + ": these are not the keys of the store " + database.path() +
                 ": put back the copy of its key file"};
  return box;
}

Result<std::string> current_key(sqlite::Database& database) {
  return meta_of(database, "key");
}

Status set_current_key(sqlite::Database& database, const SecretBox& box, const std::string& key_id) {
  const auto sealed = box.seal(key_id, kSealedText, "meta");
  if (!sealed) return sealed.error();
  if (Status set = set_meta(database, "key", key_id); !set) return set;
  return set_meta(database, "sealed", sealed->box);
}

}  // namespace portcullis::store
