#include <algorithm>
#include <chrono>

#include "base/wall_clock.h"
#include "limits/quota_store.h"
#include "sqlite/database.h"

namespace portcullis::limits {
namespace {

using sqlite::Database;
using sqlite::Rows;
using sqlite::Transaction;

// The write-ahead log makes commits cheap: a power failure may lose the last second, the end of the process
// loses nothing.
constexpr const char* kPrepare = R"(
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS quota (
  id TEXT NOT NULL,
  window INTEGER NOT NULL,
  keep_until INTEGER NOT NULL,
  used INTEGER NOT NULL,
  PRIMARY KEY (id, window)
) WITHOUT ROWID;
)";
constexpr std::string_view kAdd =
    "INSERT INTO quota (id, window, keep_until, used) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (id, window) DO UPDATE SET used = used + excluded.used RETURNING used";

class SqliteStore final : public QuotaStore {
 public:
  explicit SqliteStore(Database database) : database_(std::move(database)) {}

  bool is_shared() const override { return false; }
  Status exchange(std::vector<QuotaChange>& changes) override {
    auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
    if (!transaction) return transaction.error();
    for (QuotaChange& change : changes) {
      Rows row = database_.query(kAdd, std::string_view(change.id), change.window,
                                 change.window + change.keep_hours, change.added);
      while (row.next()) change.total = static_cast<uint64_t>(row.integer(0));
      if (!row.status()) return row.status();
    }
    prune();
    if (Status done = transaction->commit(); !done) return done;
    for (QuotaChange& change : changes) change.fate = Fate::kStored;
    return {};
  }

 private:
  // Deletes expired windows once an hour. A clock that is temporarily wrong must not delete windows that are
  // still needed, so the time is the time when the file was opened plus the elapsed time, or the current time
  // when that is earlier.
  void prune() {
    const auto elapsed = std::chrono::steady_clock::now() - opened_at_;
    const auto passed = std::chrono::floor<std::chrono::hours>(elapsed).count();
    if (passed == pruned_) return;
    pruned_ = passed;
    const auto moment =
        std::min(opened_on_ + std::chrono::floor<std::chrono::seconds>(elapsed), current_second());
    const auto hour = std::chrono::floor<std::chrono::hours>(moment.time_since_epoch()).count();
    static_cast<void>(database_.run("DELETE FROM quota WHERE keep_until < ?1", hour));
  }

  Database database_;
  const std::chrono::steady_clock::time_point opened_at_ = std::chrono::steady_clock::now();
  const std::chrono::sys_seconds opened_on_ = current_second();
  int64_t pruned_ = 0;  // hours since the file was opened
};

}  // namespace

Result<std::unique_ptr<QuotaStore>> open_sqlite_store(const std::string& path) {
  auto database = Database::open(path, Database::IfAbsent::kCreate);
  if (!database) return database.error();
  if (Status set = database->use_write_ahead_log(); !set) return set.error();
  if (Status prepared = database->run_script(kPrepare); !prepared) return prepared.error();
  return std::unique_ptr<QuotaStore>(std::make_unique<SqliteStore>(std::move(*database)));
}

}  // namespace portcullis::limits
