#include "store/store.h"

#include <cstdint>

#include "crypto/encoding.h"
#include "store/stored_form.h"

namespace portcullis::store {
namespace {

using sqlite::Rows;
using sqlite::Transaction;

constexpr std::string_view kRevisionColumns =
    "SELECT number, time, author, message, parent, hash, summary FROM revisions";

Revision revision_of(const Rows& row) {
  return {.number = static_cast<uint64_t>(row.integer(0)),
          .time = std::chrono::sys_seconds(std::chrono::seconds(row.integer(1))),
          .author = std::string(row.text(2)),
          .message = std::string(row.text(3)),
          .parent = static_cast<uint64_t>(row.integer(4)),
          .hash = crypto::hex_encode(row.text(5)),
          .summary = std::string(row.text(6)),
          .tags = {}};
}

Status add_tags(sqlite::Database& database, Revision& revision) {
  Rows tags = database.query("SELECT name FROM tags WHERE revision = ?1 ORDER BY name", revision.number);
  while (tags.next()) revision.tags.emplace_back(tags.text(0));
  return tags.status();
}

// A number that SQLite can hold.
int64_t as_column(uint64_t number) {
  return number > INT64_MAX ? INT64_MAX : static_cast<int64_t>(number);
}

}  // namespace

Store::Store(StoreFiles files, sqlite::Database database, SecretBox box, Retention retention)
    : files_(std::move(files)), database_(std::move(database)), box_(std::move(box)), retention_(retention) {}

Result<Store> Store::open(const StoreFiles& files, sqlite::Database::IfAbsent if_absent,
                          Retention retention) {
  auto database = open_database(files, if_absent);
  if (!database) return database.error();
  // A restored backup has another form of journal.
  if (!database->is_read_only()) {
    if (Status set = database->use_write_ahead_log(); !set) return set.error();
  }
  auto transaction = Transaction::begin(*database, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  auto box = open_keys(*database, files.key_file);
  if (!box) return box.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return Store(files, std::move(*database), std::move(*box), retention);
}

Result<Store> Store::open_in_memory(Retention retention) {
  auto database = sqlite::Database::open_in_memory();
  if (!database) return database.error();
  SecretBox box(generate_key_ring());
  if (Status created = create_tables(*database, box); !created) return created.error();
  return Store({}, std::move(*database), std::move(box), retention);
}

Result<std::string> Store::note(std::string_view name) {
  return meta_of(database_, "note." + std::string(name));
}

Status Store::set_note(std::string_view name, std::string_view value) {
  return set_meta(database_, "note." + std::string(name), value);
}

// Reads the key file again when the store was rekeyed. Belongs into each transaction that opens or seals
// secrets.
Status Store::refresh_keys() {
  const auto key = current_key(database_);
  if (!key) return key.error();
  if (box_.has_key(*key)) return {};
  auto box = open_keys(database_, files_.key_file);
  if (!box) return box.error();
  box_ = std::move(*box);
  return {};
}

Result<uint64_t> Store::newest() {
  const auto number = database_.integer("SELECT MAX(number) FROM revisions");
  if (!number) return number.error();
  return static_cast<uint64_t>(*number);
}

// Why there is no revision of this number; nothing when there is one.
Result<std::optional<Missing>> Store::missing(uint64_t number) {
  Rows found = database_.query("SELECT 1 FROM revisions WHERE number = ?1", as_column(number));
  if (found.next()) return std::optional<Missing>();
  if (!found.status()) return found.status().error();
  const auto newest_number = newest();
  if (!newest_number) return newest_number.error();
  const bool was_there = number > 0 && number < *newest_number;
  return std::optional(was_there ? Missing::kExpired : Missing::kRevision);
}

Result<Found<Revision>> Store::revision(uint64_t number) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  const auto absent = missing(number);
  if (!absent) return absent.error();
  if (*absent) return Found<Revision>(**absent);
  const auto found = revisions(number + 1, 1);
  if (!found) return found.error();
  return Found<Revision>(found->front());
}

Result<std::vector<Revision>> Store::revisions(uint64_t before, size_t limit) {
  static const std::string kQuery =
      std::string(kRevisionColumns) + " WHERE number < ?1 ORDER BY number DESC LIMIT ?2";
  std::vector<Revision> out;
  Rows rows = database_.query(kQuery, as_column(before), as_column(limit));
  while (rows.next()) {
    out.push_back(revision_of(rows));
    if (Status added = add_tags(database_, out.back()); !added) return added.error();
  }
  if (!rows.status()) return rows.status().error();
  return out;
}

// The object in a row of id, kind, name, since, digest, content, owner.
Result<StoredObject> Store::stored_object(const Rows& row) {
  StoredObject out{{.id = {std::string(row.text(1)), std::string(row.text(2))},
                    .json = {},
                    .secrets = {},
                    .owner = static_cast<Owner>(row.integer(6))},
                   static_cast<uint64_t>(row.integer(3)),
                   crypto::hex_encode(row.text(4))};
  std::vector<Secret> secrets;
  Rows boxes = database_.query("SELECT pointer, key, box FROM secrets WHERE object = ?1 ORDER BY pointer",
                               row.integer(0));
  while (boxes.next()) {
    std::string pointer(boxes.text(0));
    auto opened = box_.open(boxes.text(1), boxes.text(2), context_of(out.object.id, pointer));
    if (!opened) return Error{files_.database + ": " + opened.error().message};
    out.object.secrets.push_back(pointer);
    secrets.push_back({std::move(pointer), std::move(*opened)});
  }
  if (!boxes.status()) return boxes.status().error();
  auto json = json_of(row.text(5), secrets);
  if (!json) return Error{files_.database + ": " + json.error().message};
  out.object.json = std::move(*json);
  return out;
}

Result<std::vector<std::string>> Store::kinds(uint64_t number) {
  std::vector<std::string> out;
  Rows rows = database_.query(
      "SELECT DISTINCT kind FROM objects WHERE since <= ?1 AND (until IS NULL OR until > ?1) ORDER BY kind",
      number);
  while (rows.next()) out.emplace_back(rows.text(0));
  if (!rows.status()) return rows.status().error();
  return out;
}

Result<Found<std::vector<StoredObject>>> Store::objects(uint64_t number) {
  std::vector<StoredObject> out;
  if (number == 0) return Found<std::vector<StoredObject>>(std::move(out));
  auto transaction = Transaction::begin(database_, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  const auto absent = missing(number);
  if (!absent) return absent.error();
  if (*absent) return Found<std::vector<StoredObject>>(**absent);
  if (Status refreshed = refresh_keys(); !refreshed) return refreshed.error();
  Rows rows = database_.query(
      "SELECT id, kind, name, since, digest, content, owner FROM objects "
      "WHERE since <= ?1 AND (until IS NULL OR until > ?1) ORDER BY kind, name",
      number);
  while (rows.next()) {
    auto object = stored_object(rows);
    if (!object) return object.error();
    out.push_back(std::move(*object));
  }
  if (!rows.status()) return rows.status().error();
  return Found<std::vector<StoredObject>>(std::move(out));
}

Result<Found<StoredObject>> Store::object(uint64_t number, const ObjectName& id) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  const auto absent = missing(number);
  if (!absent) return absent.error();
  if (*absent) return Found<StoredObject>(**absent);
  if (Status refreshed = refresh_keys(); !refreshed) return refreshed.error();
  Rows row = database_.query(
      "SELECT id, kind, name, since, digest, content, owner FROM objects "
      "WHERE kind = ?1 AND name = ?2 AND since <= ?3 AND (until IS NULL OR until > ?3)",
      std::string_view(id.kind), std::string_view(id.name), number);
  if (row.next()) {
    auto object = stored_object(row);
    if (!object) return object.error();
    return Found<StoredObject>(std::move(*object));
  }
  if (!row.status()) return row.status().error();
  return Found<StoredObject>(Missing::kObject);
}

Result<Found<uint64_t>> Store::tag(std::string_view name, uint64_t number) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  const auto absent = missing(number);
  if (!absent) return absent.error();
  if (*absent) return Found<uint64_t>(**absent);
  const Status set =
      database_.run("INSERT OR REPLACE INTO tags (name, revision) VALUES (?1, ?2)", name, number);
  if (!set) return set.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return Found<uint64_t>(number);
}

Result<Store::Untagged> Store::remove_tag(std::string_view name) {
  Rows removed = database_.query("DELETE FROM tags WHERE name = ?1 RETURNING 1", name);
  Untagged out = Untagged::kUnknown;
  while (removed.next()) out = Untagged::kRemoved;
  if (!removed.status()) return removed.status().error();
  return out;
}

}  // namespace portcullis::store
