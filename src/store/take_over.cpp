// Revisions that were published elsewhere, and are copied into this store.

#include "base/text.h"
#include "crypto/encoding.h"
#include "store/in_force.h"
#include "store/object_rows.h"
#include "store/retention.h"
#include "store/store.h"

namespace portcullis::store {
namespace {

using sqlite::Transaction;

std::string called(const Foreign& foreign) {
  return "revision " + std::to_string(foreign.revision.number);
}

Result<Store::TakenOver> read_taken_over(sqlite::Database& database) {
  const auto text = meta_of(database, kTakenOver);
  if (!text) return text.error();
  const size_t colon = std::min(text->find(':'), text->size());
  Store::TakenOver out{.number = parse_decimal(text->substr(0, colon)).value_or(0)};
  if (colon < text->size()) out.publication = text->substr(colon + 1);
  return out;
}

Status write_tags(sqlite::Database& database, const Tags& tags) {
  if (Status cleared = database.run("DELETE FROM tags"); !cleared) return cleared;
  for (const auto& [name, number] : tags) {
    Status set =
        database.run("INSERT INTO tags (name, revision) SELECT ?1, number FROM revisions WHERE number = ?2",
                     std::string_view(name), number);
    if (!set) return set;
  }
  return {};
}

}  // namespace

// Belongs into a transaction.
Result<Store::TakenOver> Store::taken_over_alone() {
  const auto last = newest();
  if (!last) return last.error();
  auto taken = read_taken_over(database_);
  if (!taken || *last == taken->number) return taken;
  return Error{
      files_.database +
      ": the store has revisions of its own, which are not those of a cluster (the newest is revision " +
      std::to_string(*last) +
      "). Name a file that does not exist yet at `store.sqlite`. To take the objects along, print them with "
      "`portcullis export` while the gateway runs without `store.etcd`, and give them to the cluster "
      "with `portcullis apply`"};
}

Result<Store::TakenOver> Store::taken_over() {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  return taken_over_alone();
}

// Belongs into the transaction of take_over().
Status Store::take_over_one(const Foreign& foreign, const std::string& key) {
  const uint64_t number = foreign.revision.number;
  std::vector<PreparedObject> put;
  for (const StoredObject& one : foreign.put) {
    auto form = stored_form_of(one.object, box_);
    if (!form) return form.error();
    put.push_back({&one.object, std::move(*form)});
  }
  for (const ObjectName& id : foreign.remove) {
    if (const auto ended = end_object(database_, id, number); !ended) return ended.error();
  }
  for (size_t i = 0; i < put.size(); ++i) {
    if (const auto stored = put_object(database_, box_, key, put[i], foreign.put[i].revision); !stored)
      return stored.error();
  }
  if (foreign.scope == Foreign::Scope::kWhole) {
    if (const auto ended = end_others(database_, put, number); !ended) return ended.error();
  }
  const auto hash = hash_of_newest(database_);
  if (!hash) return hash.error();
  const std::string_view bytes = crypto::text_of(*hash);
  if (crypto::hex_encode(bytes) != foreign.revision.hash)
    return Error{files_.database + ": the objects of " + called(foreign) +
                 " are not those of its hash, so it was not stored"};
  return insert_revision(database_, foreign.revision, bytes);
}

Status Store::take_over(const std::vector<Foreign>& revisions, const std::optional<Tags>& tags,
                        const std::optional<std::string>& canary) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  if (Status refreshed = refresh_keys(); !refreshed) return refreshed.error();
  const auto key = current_key(database_);
  if (!key) return key.error();
  auto before = taken_over_alone();
  if (!before) return before.error();
  const Revision* added = nullptr;
  for (const Foreign& foreign : revisions) {
    const uint64_t number = foreign.revision.number;
    if (number == before->number && foreign.publication != before->publication)
      return Error{files_.database + ": the store has another " + called(foreign) +
                   ". When etcd was restored or made anew, name another file"};
    if (number <= before->number) continue;
    if (foreign.scope == Foreign::Scope::kChanges && foreign.base != before->number)
      return Error{files_.database + ": the store does not have revision " + std::to_string(foreign.base) +
                   ", which " + called(foreign) + " changes"};
    if (Status taken = take_over_one(foreign, *key); !taken) return taken;
    before = TakenOver{number, foreign.publication};
    added = &foreign.revision;
  }
  // Before revisions expire, which those with a tag do not.
  if (tags) {
    if (Status set = write_tags(database_, *tags); !set) return set;
  }
  if (canary) {
    if (Status set = set_meta(database_, kCanaryRow, *canary); !set) return set;
  }
  if (added != nullptr) {
    if (Status expired = expire_revisions(database_, retention_, added->number, added->time); !expired)
      return expired;
  }
  if (Status set =
          set_meta(database_, kTakenOver, std::to_string(before->number) + ":" + before->publication);
      !set)
    return set;
  return transaction->commit();
}

Status Store::set_tags(const Tags& tags) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  if (Status set = write_tags(database_, tags); !set) return set;
  return transaction->commit();
}

}  // namespace portcullis::store
