#include <sqlite3.h>

#include <algorithm>
#include <chrono>

#include "base/wall_clock.h"
#include "limits/quota_store.h"

namespace portcullis::limits {
namespace {

class SqliteStore final : public QuotaStore {
 public:
  ~SqliteStore() override {
    sqlite3_finalize(add_);
    sqlite3_close(database_);
  }

  Status open(const std::string& path) {
    if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK) return fault("cannot open " + path);
    sqlite3_busy_timeout(database_, 2'000);  // the other process of an upgrade may hold the lock
    // The write-ahead log makes commits cheap: a power failure may lose the last second, the end of the
    // process loses nothing.
    for (const char* statement : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL",
                                  "CREATE TABLE IF NOT EXISTS quota (id TEXT NOT NULL, window INTEGER NOT "
                                  "NULL, keep_until INTEGER NOT NULL, "
                                  "used INTEGER NOT NULL, PRIMARY KEY (id, window)) WITHOUT ROWID"}) {
      if (sqlite3_exec(database_, statement, nullptr, nullptr, nullptr) != SQLITE_OK) return fault(path);
    }
    const char* add =
        "INSERT INTO quota (id, window, keep_until, used) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (id, window) DO UPDATE SET used = used + excluded.used RETURNING used";
    return sqlite3_prepare_v2(database_, add, -1, &add_, nullptr) == SQLITE_OK ? Status() : fault(path);
  }

  bool is_shared() const override { return false; }
  Status exchange(std::vector<QuotaChange>& changes) override {
    if (sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK)
      return fault("quotas");
    for (QuotaChange& change : changes) {
      sqlite3_reset(add_);
      sqlite3_bind_text(add_, 1, change.id.data(), static_cast<int>(change.id.size()), SQLITE_STATIC);
      sqlite3_bind_int64(add_, 2, static_cast<int64_t>(change.window));
      sqlite3_bind_int64(add_, 3, static_cast<int64_t>(change.window + change.keep_hours));
      sqlite3_bind_int64(add_, 4, static_cast<int64_t>(change.added));
      if (sqlite3_step(add_) != SQLITE_ROW) return give_up();
      change.total = static_cast<uint64_t>(sqlite3_column_int64(add_, 0));
      if (sqlite3_step(add_) != SQLITE_DONE) return give_up();
    }
    sqlite3_reset(add_);
    prune();
    return sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK ? Status() : give_up();
  }

 private:
  Error fault(const std::string& what) const { return Error{what + ": " + sqlite3_errmsg(database_)}; }
  Status give_up() {
    const Error why = fault("quotas");
    sqlite3_reset(add_);
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    return why;
  }
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
    const std::string statement = "DELETE FROM quota WHERE keep_until < " + std::to_string(hour);
    sqlite3_exec(database_, statement.c_str(), nullptr, nullptr, nullptr);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* add_ = nullptr;
  const std::chrono::steady_clock::time_point opened_at_ = std::chrono::steady_clock::now();
  const std::chrono::sys_seconds opened_on_ = current_second();
  int64_t pruned_ = 0;  // hours since the file was opened
};

}  // namespace

Result<std::unique_ptr<QuotaStore>> open_sqlite_store(const std::string& path) {
  auto store = std::make_unique<SqliteStore>();
  if (const Status opened = store->open(path); !opened) return opened.error();
  return std::unique_ptr<QuotaStore>(std::move(store));
}

}  // namespace portcullis::limits
