#include "sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/unique_fd.h"

namespace portcullis::sqlite {
namespace {

constexpr auto kBusyTimeout = std::chrono::seconds(5);
constexpr auto kBusyPause = std::chrono::milliseconds(1);

// Called by SQLite while another process has a lock. SQLite's own handler pauses longer and longer, so that a
// process that writes all the time would leave no lock for others.
int wait_for_lock(void*, int pauses) {
  if (pauses >= kBusyTimeout / kBusyPause) return 0;
  std::this_thread::sleep_for(kBusyPause);
  return 1;
}

// What SQLite's result code means, and what to do; empty when SQLite's own message is the best one.
std::string_view advice_for(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return "the disk is full: free some space";
    case SQLITE_READONLY:
      return "the file cannot be written: check who owns it and its folder, and whether the file system is "
             "mounted read-only";
    case SQLITE_CORRUPT: return "the file is damaged: put back a backup";
    case SQLITE_NOTADB: return "the file is not a SQLite database, or is damaged: put back a backup";
    case SQLITE_BUSY: return "another process has kept the file locked for five seconds: try again";
    default: return {};
  }
}

// Creates the file with a mode that SQLite would not choose. SQLite gives its log the same mode. An existing
// file is not opened, because to close it would end the locks of this process on it (fcntl(2)).
Status create_private_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const int error = errno;
  if (file || ::access(path.c_str(), F_OK) == 0) return {};
  return Error{path + ": cannot create the file: " + std::strerror(error) +
               (error == ENOENT ? " (create the folder first)" : "")};
}

// Whether no process can write to the file, because its file system is mounted read-only, and all of the
// content is in the file itself. SQLite would want to create files beside it.
bool is_frozen(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (::access(folder.empty() ? "." : folder.c_str(), W_OK) == 0 || errno != EROFS) return false;
  struct stat log {};
  return ::stat((path + "-wal").c_str(), &log) != 0 || log.st_size == 0;
}

// The path as a URI that tells SQLite to read the file and nothing beside it.
std::string frozen_uri(const std::string& path) {
  std::string out = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      out += c == '%' ? "%25" : c == '?' ? "%3F" : "%23";
    } else {
      out += c;
    }
  }
  return out + "?immutable=1";
}

}  // namespace

Rows::Rows(Database& database, std::string_view sql)
    : database_(database), statement_(database.prepared(sql)) {
  if (statement_ == nullptr) status_ = database_.fault();
}
Rows::Rows(Rows&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      status_(std::move(other.status_)) {}
Rows::~Rows() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  if (!status_) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) status_ = database_.fault();
  return false;
}

void Rows::check(int code) {
  if (code != SQLITE_OK && status_) status_ = database_.fault();
}
void Rows::bind_integer(int64_t value) {
  if (status_) check(sqlite3_bind_int64(statement_, ++bound_, value));
}
void Rows::bind(std::string_view text) {
  if (status_)
    check(sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}
void Rows::bind(Blob blob) {
  if (status_)
    check(sqlite3_bind_blob64(statement_, ++bound_, blob.bytes.data(), blob.bytes.size(), SQLITE_TRANSIENT));
}

int64_t Rows::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::string_view Rows::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}
void Database::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() {
  statements_.clear();
}

Result<Database> Database::open(const std::string& path, IfAbsent if_absent) {
  if (if_absent == IfAbsent::kCreate) {
    if (Status created = create_private_file(path); !created) return created.error();
  }
  return is_frozen(path) ? open_handle(path, frozen_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
                         : open_handle(path, path, SQLITE_OPEN_READWRITE);
}

Result<Database> Database::open_in_memory() {
  return open_handle("memory", ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

Result<Database> Database::open_handle(const std::string& name, const std::string& uri, int flags) {
  // Without statistics of its memory, SQLite takes no lock of the whole process for each piece. An error
  // means that SQLite has been used already.
  [[maybe_unused]] static const int without_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  Database database(name);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.fault();
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_handler(handle, wait_for_lock, nullptr);
  return database;
}

sqlite3_stmt* Database::prepared(std::string_view sql) {
  auto& kept = statements_[sql];
  if (!kept) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                       &statement, nullptr);
    kept.reset(statement);
  }
  return kept.get();
}

Status Database::run_script(const char* sql) {
  return sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK ? Status() : fault();
}

Status Database::use_write_ahead_log() {
  // Another process that does the same at the same time makes SQLite fail at once.
  for (int pauses = 0;; ++pauses) {
    Status set = run_script("PRAGMA journal_mode = WAL");
    const bool is_busy = !set && (sqlite3_errcode(handle_.get()) & 0xff) == SQLITE_BUSY;
    if (!is_busy || wait_for_lock(nullptr, pauses) == 0) return set;
  }
}

void Database::defer_checkpoints() {
  // As without this function.
  static constexpr int kLongLog = 1000;
  const auto look = [](void* due, sqlite3*, const char*, int pages) {
    if (pages >= kLongLog) *static_cast<std::atomic<bool>*>(due) = true;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_.get(), look, checkpoint_due_.get());
}

void Database::checkpoint() {
  *checkpoint_due_ = false;
  sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

Result<int64_t> Database::integer(std::string_view sql) {
  Rows rows = query(sql);
  const int64_t value = rows.next() ? rows.integer(0) : 0;
  if (!rows.status()) return rows.status().error();
  return value;
}

int64_t Database::last_row() const {
  return sqlite3_last_insert_rowid(handle_.get());
}

Error Database::fault() const {
  if (handle_ == nullptr) return Error{path_ + ": out of memory"};
  const std::string_view advice = advice_for(sqlite3_errcode(handle_.get()));
  if (!advice.empty()) return Error{path_ + ": " + std::string(advice)};
  std::string message = path_ + ": " + sqlite3_errmsg(handle_.get());
  if (const int system = sqlite3_system_errno(handle_.get()); system != 0)
    message += std::string(" (") + std::strerror(system) + ")";
  return Error{std::move(message)};
}

bool Database::is_damaged() const {
  const int code = sqlite3_errcode(handle_.get()) & 0xff;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool Database::is_read_only() const {
  return sqlite3_db_readonly(handle_.get(), "main") != 0;
}

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  const Status begun = database.run(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
  if (!begun) return begun.error();
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite has already rolled back after some errors; then there is nothing left to do.
  if (database_ != nullptr && sqlite3_get_autocommit(database_->handle()) == 0)
    static_cast<void>(database_->run("ROLLBACK"));
}

Status Transaction::commit() {
  Status done = database_->run("COMMIT");
  if (done) database_ = nullptr;
  return done;
}

}  // namespace portcullis::sqlite
