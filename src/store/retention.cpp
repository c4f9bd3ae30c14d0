#include "store/retention.h"

#include <algorithm>
#include <string_view>

namespace portcullis::store {
namespace {

// Objects that no kept revision has. Their last revision is at most the one before ?1, so that the index on
// `until` finds the few rows that come into question.
constexpr std::string_view kDeleteSecrets =
    "DELETE FROM secrets WHERE object IN (SELECT id FROM objects WHERE until <= ?1 AND NOT EXISTS "
    "(SELECT 1 FROM revisions WHERE number >= objects.since AND number < objects.until))";
constexpr std::string_view kDeleteObjects =
    "DELETE FROM objects WHERE until <= ?1 AND NOT EXISTS "
    "(SELECT 1 FROM revisions WHERE number >= objects.since AND number < objects.until)";

}  // namespace

Status expire_revisions(sqlite::Database& database, const Retention& retention, uint64_t newest,
                        std::chrono::sys_seconds now) {
  const uint64_t count = std::max<uint64_t>(retention.revisions, 1);
  if (newest <= count) return {};
  sqlite::Rows deleted = database.query(
      "DELETE FROM revisions WHERE time < ?1 AND number <= ?2 AND number NOT IN (SELECT revision FROM tags) "
      "AND number <> (SELECT COALESCE(MAX(CAST(value AS INTEGER)), 0) FROM meta WHERE name = 'in_force') "
      "RETURNING number",
      (now - retention.age).time_since_epoch().count(), newest - count);
  int64_t last = 0;
  while (deleted.next()) last = std::max(last, deleted.integer(0));
  if (!deleted.status() || last == 0) return deleted.status();
  if (Status done = database.run(kDeleteSecrets, last + 1); !done) return done;
  return database.run(kDeleteObjects, last + 1);
}

}  // namespace portcullis::store
