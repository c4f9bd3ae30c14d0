#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "crypto/encoding.h"
#include "store/maintenance.h"
#include "store/stored_form.h"

namespace portcullis::store {
namespace {

using sqlite::Database;
using sqlite::Rows;
using sqlite::Transaction;

// An object in the revisions from `since` to before `until`.
struct Span {
  ObjectName id;
  Owner owner;
  int64_t since;
  int64_t until;
  std::string digest;
};

class Inspection {
 public:
  Inspection(Database& database, const StoreFiles& files, const Retention& retention)
      : database_(database), files_(files), retention_(retention) {}

  Result<Findings> run() {
    auto transaction = Transaction::begin(database_, Transaction::Kind::kRead);
    if (!transaction) return transaction.error();
    auto box = open_keys(database_, files_.key_file);
    if (box) {
      box_ = std::move(*box);
    } else {
      add(box.error().message);
    }
    for (Status (Inspection::*step)() : {&Inspection::read_objects, &Inspection::check_revisions,
                                         &Inspection::check_numbers, &Inspection::check_references}) {
      if (Status done = (this->*step)(); !done) return done.error();
    }
    return std::move(findings_);
  }

 private:
  void add(std::string fault) {
    if (findings_.faults.size() < kMaxFaults) findings_.faults.push_back(std::move(fault));
  }

  // Reads each object, opens its secrets and compares its digest.
  Status read_objects() {
    Rows rows = database_.query(
        "SELECT id, kind, name, since, until, digest, content, owner FROM objects ORDER BY since, id");
    while (rows.next()) {
      Span span{{std::string(rows.text(1)), std::string(rows.text(2))},
                static_cast<Owner>(rows.integer(7)),
                rows.integer(3),
                rows.is_null(4) ? INT64_MAX : rows.integer(4),
                std::string(rows.text(5))};
      if (Status checked = check_object(span, rows.integer(0), rows.text(6)); !checked) return checked;
      spans_.push_back(std::move(span));
    }
    return rows.status();
  }

  Status check_object(const Span& span, int64_t row, std::string_view content) {
    const std::string name =
        "object " + span.id.kind + "/" + span.id.name + " of revision " + std::to_string(span.since);
    std::vector<Secret> secrets;
    bool all_open = true;
    Rows boxes =
        database_.query("SELECT pointer, key, box FROM secrets WHERE object = ?1 ORDER BY pointer", row);
    while (boxes.next()) {
      ++findings_.secrets;
      if (!box_) continue;  // without keys there is one fault for all secrets
      std::string pointer(boxes.text(0));
      auto opened = box_->open(boxes.text(1), boxes.text(2), context_of(span.id, pointer));
      if (!opened) {
        add(name + ": `" + pointer + "`: " + opened.error().message);
        all_open = false;
        continue;
      }
      secrets.push_back({std::move(pointer), std::move(*opened)});
    }
    if (!boxes.status() || !box_ || !all_open) return boxes.status();
    const crypto::Digest256 digest = digest_of(span.id, span.owner, content, secrets, *box_);
    if (crypto::text_of(digest) != span.digest) add(name + ": the content is not what was stored");
    return {};
  }

  // Makes the objects of each kept revision, from the oldest one on, and compares their hash.
  Status check_revisions() {
    size_t next = 0;                      // in spans_, which are in the order of `since`
    std::multimap<int64_t, size_t> ends;  // of the spans that are present
    std::map<ObjectName, size_t> present;
    Rows rows = database_.query("SELECT number, hash FROM revisions ORDER BY number");
    while (rows.next()) {
      const int64_t number = rows.integer(0);
      for (; !ends.empty() && ends.begin()->first <= number; ends.erase(ends.begin()))
        present.erase(spans_[ends.begin()->second].id);
      for (; next < spans_.size() && spans_[next].since <= number; ++next) {
        const Span& span = spans_[next];
        if (span.until <= number) continue;
        if (!present.emplace(span.id, next).second)
          add("revision " + std::to_string(number) + ": it has two objects " + span.id.kind + "/" +
              span.id.name);
        else
          ends.emplace(span.until, next);
      }
      std::string digests;
      digests.reserve(present.size() * sizeof(crypto::Digest256));
      for (const auto& [id, index] : present) digests += spans_[index].digest;
      const crypto::Digest256 hash = crypto::sha256(digests);
      if (crypto::text_of(hash) != rows.text(1))
        add("revision " + std::to_string(number) + ": its objects are not those that were stored");
      ++findings_.revisions;
      findings_.newest = static_cast<uint64_t>(number);
    }
    return rows.status();
  }

  // Among the newest revisions, which are kept whatever their age, no number is missing.
  Status check_numbers() {
    const auto newest = static_cast<int64_t>(findings_.newest);
    const int64_t first = std::max<int64_t>(1, newest - static_cast<int64_t>(retention_.revisions) + 1);
    Rows rows = database_.query("SELECT COUNT(*) FROM revisions WHERE number >= ?1", first);
    const int64_t there = rows.next() ? rows.integer(0) : 0;
    if (rows.status() && newest > 0 && there != newest - first + 1)
      add(std::to_string(newest - first + 1 - there) + " of the revisions " + std::to_string(first) + " to " +
          std::to_string(newest) + " are missing");
    return rows.status();
  }

  Status check_references() {
    Rows tags = database_.query(
        "SELECT name, revision FROM tags WHERE revision NOT IN (SELECT number FROM revisions)");
    while (tags.next())
      add("tag " + std::string(tags.text(0)) + ": revision " + std::to_string(tags.integer(1)) +
          " is missing");
    if (!tags.status()) return tags.status();
    Rows secrets =
        database_.query("SELECT COUNT(*) FROM secrets WHERE object NOT IN (SELECT id FROM objects)");
    if (secrets.next() && secrets.integer(0) > 0)
      add(std::to_string(secrets.integer(0)) + " secrets belong to no object");
    return secrets.status();
  }

  Database& database_;
  const StoreFiles& files_;
  const Retention& retention_;
  std::optional<SecretBox> box_;  // nothing when the key file is missing or wrong
  std::vector<Span> spans_;
  Findings findings_;
};

// Adds what is wrong with the pages of the file.
Status check_pages(Database& database, std::vector<std::string>& faults) {
  Rows rows = database.query("PRAGMA integrity_check(100)");
  while (rows.next()) {
    if (rows.text(0) != "ok" && faults.size() < kMaxFaults)
      faults.push_back(database.path() + ": " + std::string(rows.text(0)));
  }
  if (rows.status() || !database.is_damaged()) return rows.status();
  faults.push_back(rows.status().error().message);
  return {};
}

}  // namespace

Result<Findings> check_store(const StoreFiles& files, const Retention& retention) {
  Findings damaged;
  {
    auto database = Database::open(files.database, Database::IfAbsent::kFail);
    if (!database) return database.error();
    if (Status checked = check_pages(*database, damaged.faults); !checked) return checked.error();
    if (!damaged.faults.empty()) return damaged;
  }
  auto database = open_database(files, Database::IfAbsent::kFail);
  if (!database) return database.error();
  return Inspection(*database, files, retention).run();
}

}  // namespace portcullis::store
