#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

// A thin layer over SQLite: ownership, prepared statements and errors as values.
namespace portcullis::sqlite {

class Database;

// Bytes that are stored as a BLOB. Other texts are stored as TEXT.
struct Blob {
  std::string_view bytes;
};

// The rows of a running statement. One thread; the database must outlive it. The destructor ends the
// statement.
class Rows {
 public:
  Rows(Rows&& other) noexcept;
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // Goes to the next row. False when there is none, or after an error, which status() tells.
  bool next();
  Status status() const { return status_; }

  int64_t integer(int column) const;
  bool is_null(int column) const;
  // TEXT or BLOB; valid until the next call of next().
  std::string_view text(int column) const;

 private:
  friend class Database;
  Rows(Database& database, std::string_view sql);
  void bind(std::integral auto value) { bind_integer(static_cast<int64_t>(value)); }
  void bind(std::string_view text);
  void bind(Blob blob);
  void bind_integer(int64_t value);
  void check(int code);

  Database& database_;
  sqlite3_stmt* statement_;  // null when the statement could not be prepared
  int bound_ = 0;
  Status status_;
};

// A connection to a database file. One thread at a time. Errors name the file and say what to do.
class Database {
 public:
  enum class IfAbsent { kFail, kCreate };

  // A new file is readable by its owner only. A file that cannot be written is opened for reading; writes to
  // it fail. A statement waits for locks of other processes for up to five seconds.
  static Result<Database> open(const std::string& path, IfAbsent if_absent);
  // A database without a file, which ends with this object.
  static Result<Database> open_in_memory();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // Begins a statement with its parameters in order. `sql` is a literal: prepared statements are kept by it.
  // A statement must not be begun again while its rows are read.
  template <typename... Arguments>
  Rows query(std::string_view sql, const Arguments&... arguments) {
    Rows rows(*this, sql);
    (rows.bind(arguments), ...);
    return rows;
  }
  // Runs a statement to its end.
  template <typename... Arguments>
  Status run(std::string_view sql, const Arguments&... arguments) {
    Rows rows = query(sql, arguments...);
    while (rows.next()) {
    }
    return rows.status();
  }
  // Runs any number of statements without parameters, such as those that create tables.
  Status run_script(const char* sql);
  // From now on, commits go to a log beside the file, and readers do not wait for a writer. The file keeps
  // this property.
  Status use_write_ahead_log();
  // With a write-ahead log, a commit that makes the log long copies it into the file before it returns. From
  // now on checkpoint() does that. Errors of a checkpoint have no effect but that the log stays long.
  void defer_checkpoints();
  // True when the log is long. Any thread.
  bool is_checkpoint_due() const { return *checkpoint_due_; }
  void checkpoint();
  // The first column of the first row, such as a pragma's value; 0 when there is no row.
  Result<int64_t> integer(std::string_view sql);
  int64_t last_row() const;

  // Describes the last failure: "/var/lib/portcullis/quota.db: the disk is full: free some space".
  Error fault() const;
  // True when the last failure was that the content of the file is not that of a database.
  bool is_damaged() const;
  bool is_read_only() const;
  const std::string& path() const { return path_; }
  sqlite3* handle() const { return handle_.get(); }

 private:
  friend class Rows;
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  static Result<Database> open_handle(const std::string& name, const std::string& uri, int flags);
  explicit Database(std::string path) : path_(std::move(path)) {}
  sqlite3_stmt* prepared(std::string_view sql);

  std::string path_;
  // On the heap, because SQLite has its address.
  std::unique_ptr<std::atomic<bool>> checkpoint_due_ = std::make_unique<std::atomic<bool>>(false);
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

// A transaction, which is rolled back unless it is committed.
class Transaction {
 public:
  // kRead sees one state of the database from its first query on. kWrite has the lock of writers at once.
  enum class Kind { kRead, kWrite };

  static Result<Transaction> begin(Database& database, Kind kind);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // After an error nothing of the transaction is stored.
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;  // null when the transaction is over
};

}  // namespace portcullis::sqlite
