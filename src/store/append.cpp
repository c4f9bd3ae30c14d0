#include <algorithm>
#include <map>
#include <set>

#include "crypto/encoding.h"
#include "store/in_force.h"
#include "store/object_rows.h"
#include "store/retention.h"
#include "store/store.h"
#include "store/stored_form.h"
#include "store/summary.h"

// Appends a revision to a store: what it changes, its hash, its summary, and the end of revisions that have
// expired.
namespace portcullis::store {
namespace {

using sqlite::Rows;
using sqlite::Transaction;

// The objects of a draft, ready to be stored.
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

// The hash of a kept revision. That of revision 0 is the hash of no objects.
Result<std::string> hash_of(sqlite::Database& database, uint64_t number) {
  const crypto::Digest256 of_nothing = crypto::sha256({});
  if (number == 0) return std::string(crypto::text_of(of_nothing));
  Rows rows = database.query("SELECT hash FROM revisions WHERE number = ?1", number);
  std::string hash = rows.next() ? std::string(rows.text(0)) : std::string();
  if (!rows.status()) return rows.status().error();
  return hash;
}

// How the newest objects differ from those of `parent`: "+2 routes, ~1 upstream".
Result<std::string> summary_since(sqlite::Database& database, uint64_t parent) {
  std::map<ObjectName, std::string> before;
  Rows old =
      database.query("SELECT kind, name, digest FROM objects WHERE since <= ?1 AND until > ?1", parent);
  while (old.next()) before[{std::string(old.text(0)), std::string(old.text(1))}] = std::string(old.text(2));
  if (!old.status()) return old.status().error();
  Summary summary;
  Rows fresh =
      database.query("SELECT kind, name, digest FROM objects WHERE since > ?1 AND until IS NULL", parent);
  while (fresh.next()) {
    const ObjectName id{std::string(fresh.text(0)), std::string(fresh.text(1))};
    const auto one = before.find(id);
    if (one == before.end()) {
      summary.add(id);
    } else {
      if (one->second != fresh.text(2)) summary.change(id);
      before.erase(one);
    }
  }
  if (!fresh.status()) return fresh.status().error();
  for (const auto& [id, digest] : before) summary.remove(id);
  return summary.text();
}

}  // namespace

Overtaken overtaken_by(uint64_t newest, const Draft& draft) {
  return {newest, "revision " + std::to_string(newest) +
                      " is the newest, and this change was made from revision " +
                      std::to_string(draft.newest) + ": look at what has changed since, and try again"};
}

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
  if (*last != draft.newest) return AppendOutcome(overtaken_by(*last, draft));
  if (!draft.newest_hash.empty()) {
    const auto its_hash = hash_of(database_, *last);
    if (!its_hash) return its_hash.error();
    if (crypto::hex_encode(*its_hash) != draft.newest_hash)
      return AppendOutcome(
          Overtaken{*last, "the store has been restored: its revision " + std::to_string(*last) +
                               " is another one than the one that this change was made from"});
  }

  const uint64_t number = *last + 1, parent = draft.parent.value_or(*last);
  Summary since_last;
  for (const ObjectName& id : changes.remove) {
    const auto ended = end_object(database_, id, number);
    if (!ended) return ended.error();
    if (*ended) since_last.remove(id);
  }
  for (const PreparedObject& one : prepared.put) {
    const auto put = put_object(database_, box_, *key, one, number);
    if (!put) return put.error();
    if (*put == Put::kAdded) since_last.add(one.object->id);
    if (*put == Put::kChanged) since_last.change(one.object->id);
  }
  if (scope == Scope::kWhole) {
    const auto ended = end_others(database_, prepared.put, number);
    if (!ended) return ended.error();
    for (const ObjectName& id : *ended) since_last.remove(id);
  }
  const auto hash = hash_of_newest(database_);
  if (!hash) return hash.error();
  const auto parents_hash = hash_of(database_, parent);
  if (!parents_hash) return parents_hash.error();
  if (*parents_hash == crypto::text_of(*hash)) return AppendOutcome(Unchanged{parent});
  auto summary = parent == *last ? Result<std::string>(since_last.text()) : summary_since(database_, parent);
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
  if (Status set = store::set_in_force(database_, draft.canary.empty() ? number : parent, draft.canary); !set)
    return set.error();
  if (Status expired = expire_revisions(database_, retention_, number, draft.time); !expired)
    return expired.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return AppendOutcome(Appended{revision});
}

}  // namespace portcullis::store
