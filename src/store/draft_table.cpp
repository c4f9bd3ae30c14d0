#include "store/draft_table.h"

#include <utility>

#include "base/text.h"

namespace portcullis::store {
namespace {

using sqlite::Rows;
using sqlite::Transaction;

// The text in which a draft is encrypted tells where it belongs.
std::string draft_context(const std::string& name) {
  return "draft/" + name;
}

// The version of a draft; 0 when there is none.
Result<uint64_t> version_of(sqlite::Database& database, const std::string& name) {
  Rows rows = database.query("SELECT version FROM drafts WHERE name = ?1", std::string_view(name));
  const uint64_t version = rows.next() ? static_cast<uint64_t>(rows.integer(0)) : 0;
  if (!rows.status()) return rows.status().error();
  return version;
}

// Versions of a draft that was deleted and made again are other ones, too.
Result<uint64_t> next_version(sqlite::Database& database) {
  const auto text = meta_of(database, "draft_version");
  if (!text) return text.error();
  const uint64_t next = parse_decimal(*text).value_or(0) + 1;
  if (Status set = set_meta(database, "draft_version", std::to_string(next)); !set) return set.error();
  return next;
}

}  // namespace

Status create_draft_table(sqlite::Database& database) {
  return database.run_script(
      "CREATE TABLE IF NOT EXISTS drafts (name TEXT PRIMARY KEY, version INTEGER NOT NULL, key TEXT NOT "
      "NULL, "
      "box BLOB NOT NULL)");
}

DraftTable::DraftTable(StoreFiles files, sqlite::Database database, SecretBox box)
    : files_(std::move(files)), database_(std::move(database)), box_(std::move(box)) {}

Result<DraftTable> DraftTable::open(const StoreFiles& files) {
  auto database = open_database(files, sqlite::Database::IfAbsent::kFail);
  if (!database) return database.error();
  auto transaction = Transaction::begin(*database, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  auto box = open_keys(*database, files.key_file);
  if (!box) return box.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return DraftTable(files, std::move(*database), std::move(*box));
}

Result<DraftTable> DraftTable::open_in_memory() {
  auto database = sqlite::Database::open_in_memory();
  if (!database) return database.error();
  SecretBox box(generate_key_ring());
  if (Status created = create_tables(*database, box); !created) return created.error();
  return DraftTable({}, std::move(*database), std::move(box));
}

// A store of an older version has no table, and neither has one that was restored from an older backup.
Status DraftTable::prepare() {
  return create_draft_table(database_);
}

// Reads the key file again when the store was rekeyed. Belongs into each transaction.
Status DraftTable::refresh_keys() {
  const auto key = current_key(database_);
  if (!key) return key.error();
  if (box_.has_key(*key)) return {};
  auto box = open_keys(database_, files_.key_file);
  if (!box) return box.error();
  box_ = std::move(*box);
  return {};
}

Result<std::vector<std::string>> DraftTable::names() {
  if (Status ready = prepare(); !ready) return ready.error();
  std::vector<std::string> out;
  Rows rows = database_.query("SELECT name FROM drafts ORDER BY name");
  while (rows.next()) out.emplace_back(rows.text(0));
  if (!rows.status()) return rows.status().error();
  return out;
}

Result<std::optional<DraftTable::Draft>> DraftTable::read(const std::string& name) {
  if (Status ready = prepare(); !ready) return ready.error();
  auto transaction = Transaction::begin(database_, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  if (Status refreshed = refresh_keys(); !refreshed) return refreshed.error();
  Rows rows = database_.query("SELECT version, key, box FROM drafts WHERE name = ?1", std::string_view(name));
  std::optional<Draft> out;
  if (rows.next()) {
    auto text = box_.open(rows.text(1), rows.text(2), draft_context(name));
    out = Draft{.text = {}, .version = static_cast<uint64_t>(rows.integer(0))};
    if (text)
      out->text = std::move(*text);
    else
      out->fault = "the draft `" + name + "`: " + text.error().message;
  }
  if (!rows.status()) return rows.status().error();
  return out;
}

Result<DraftTable::Outcome> DraftTable::write(const std::string& name, std::string_view text, uint64_t seen,
                                              size_t max_drafts) {
  if (Status ready = prepare(); !ready) return ready.error();
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  if (Status refreshed = refresh_keys(); !refreshed) return refreshed.error();
  const auto present = version_of(database_, name);
  if (!present) return present.error();
  if (*present != seen) return Outcome::kConflict;
  const auto count = database_.integer("SELECT COUNT(*) FROM drafts");
  if (!count) return count.error();
  if (seen == 0 && static_cast<size_t>(*count) >= max_drafts) return Outcome::kTooMany;
  const auto key = current_key(database_);
  if (!key) return key.error();
  const auto sealed = box_.seal(*key, text, draft_context(name));
  if (!sealed) return sealed.error();
  const auto version = next_version(database_);
  if (!version) return version.error();
  if (Status put = database_.run(
          "INSERT OR REPLACE INTO drafts (name, version, key, box) VALUES (?1, ?2, ?3, ?4)",
          std::string_view(name), *version, std::string_view(sealed->key), sqlite::Blob{sealed->box});
      !put)
    return put.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return Outcome::kDone;
}

Result<DraftTable::Outcome> DraftTable::remove(const std::string& name, uint64_t seen) {
  if (Status ready = prepare(); !ready) return ready.error();
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  const auto present = version_of(database_, name);
  if (!present) return present.error();
  if (*present != seen) return Outcome::kConflict;
  if (Status gone = database_.run("DELETE FROM drafts WHERE name = ?1", std::string_view(name)); !gone)
    return gone.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return Outcome::kDone;
}

Result<size_t> reseal_drafts(sqlite::Database& database, const SecretBox& box, const std::string& key) {
  if (Status ready = create_draft_table(database); !ready) return ready.error();
  struct Row {
    std::string name, key, box;
  };
  std::vector<Row> all;
  {
    Rows rows = database.query("SELECT name, key, box FROM drafts");
    while (rows.next())
      all.push_back({std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2))});
    if (!rows.status()) return rows.status().error();
  }
  for (const Row& one : all) {
    const auto text = box.open(one.key, one.box, draft_context(one.name));
    if (!text) return text.error();
    const auto sealed = box.seal(key, *text, draft_context(one.name));
    if (!sealed) return sealed.error();
    if (Status put =
            database.run("UPDATE drafts SET key = ?2, box = ?3 WHERE name = ?1", std::string_view(one.name),
                         std::string_view(key), sqlite::Blob{sealed->box});
        !put)
      return put.error();
  }
  return all.size();
}

}  // namespace portcullis::store
