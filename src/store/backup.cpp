#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "store/maintenance.h"

namespace portcullis::store {
namespace {

using sqlite::Database;

bool is_there(const std::string& path) {
  struct stat about {};
  return ::lstat(path.c_str(), &about) == 0;
}

Error file_fault(const std::string& path, const std::string& what) {
  return Error{path + ": " + what + ": " + std::strerror(errno)};
}

// Copies all pages of one moment.
Status copy_pages(Database& from, Database& to) {
  sqlite3_backup* copy = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (copy == nullptr) return to.fault();
  sqlite3_backup_step(copy, -1);
  // Reports what went wrong in either database as an error of the target.
  return sqlite3_backup_finish(copy) == SQLITE_OK ? Status() : to.fault();
}

// Removes the files that SQLite keeps beside a database. A log that has stayed behind would be applied to the
// next database of this name.
void remove_logs_of(const std::string& path) {
  for (const char* end : {"-wal", "-shm", "-journal"}) ::unlink((path + end).c_str());
}

// A database beside `path` that is renamed to it when it is complete, and otherwise removed.
class NewFile {
 public:
  explicit NewFile(const std::string& path)
      : path_(path), temporary_(path + "." + crypto::hex_encode(crypto::random_bytes(4))) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    ::unlink(temporary_.c_str());
    remove_logs_of(temporary_);
  }

  // Copies `from`, as one file without a log.
  Status copy_from(Database& from) {
    auto to = Database::open(temporary_, Database::IfAbsent::kCreate);
    if (!to) return to.error();
    if (Status copied = copy_pages(from, *to); !copied) return copied;
    if (Status set = to->run_script("PRAGMA journal_mode = DELETE"); !set) return set;
    sqlite::Rows found = to->query("PRAGMA integrity_check(1)");
    if (found.next() && found.text(0) != "ok")
      return Error{from.path() + ": the file is damaged: run `portcullis store check`"};
    return found.status();
  }
  // The command may be run by root for a gateway of another user, who owns the folder.
  Status give_to_owner_of_folder() {
    const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
    struct stat about {};
    if (::geteuid() != 0) return {};
    if (::stat(folder.empty() ? "." : folder.c_str(), &about) != 0 ||
        ::chown(temporary_.c_str(), about.st_uid, about.st_gid) != 0)
      return file_fault(path_, "cannot be given to the owner of its folder");
    return {};
  }
  Status put_in_place() {
    if (std::rename(temporary_.c_str(), path_.c_str()) == 0) return {};
    return file_fault(path_, "cannot be created");
  }

 private:
  const std::string path_, temporary_;
};

Status restore_as_new_file(Database& backup, const std::string& path) {
  NewFile file(path);
  if (Status copied = file.copy_from(backup); !copied) return copied;
  if (Status given = file.give_to_owner_of_folder(); !given) return given;
  remove_logs_of(path);
  return file.put_in_place();
}

// Renames a file that SQLite cannot read, and its log, so that nothing is lost.
Status move_aside(const std::string& path) {
  for (const char* end : {"-wal", ""}) {
    const std::string name = path + end;
    if (is_there(name) && std::rename(name.c_str(), (path + ".damaged" + end).c_str()) != 0)
      return file_fault(name, "cannot be renamed");
  }
  return {};
}

// Whether the pages of an existing file can be replaced in a transaction.
Result<bool> is_readable(Database& database) {
  const auto pages = database.integer("SELECT COUNT(*) FROM sqlite_master");
  if (pages) return true;
  if (database.is_damaged()) return false;
  return pages.error();
}

}  // namespace

Status back_up_store(const StoreFiles& files, const std::string& target) {
  if (is_there(target)) return Error{target + ": the file exists: name another one"};
  auto database = open_database(files, Database::IfAbsent::kFail);
  if (!database) return database.error();
  NewFile file(target);
  if (Status copied = file.copy_from(*database); !copied) return copied;
  return file.put_in_place();
}

Status restore_store(const std::string& backup, const StoreFiles& files, Existing existing) {
  const std::string& path = files.database;
  auto from = open_database({backup, files.key_file}, Database::IfAbsent::kFail);
  if (!from) return from.error();
  if (!is_there(path)) return restore_as_new_file(*from, path);
  if (existing == Existing::kRefuse)
    return Error{path +
                 ": the store exists, and a gateway may be using it: with `--force` its content is replaced"};
  {
    auto to = Database::open(path, Database::IfAbsent::kFail);
    if (!to) return to.error();
    const auto readable = is_readable(*to);
    if (!readable) return readable.error();
    if (*readable) {
      // A database of another program must stay what it is.
      if (const auto store = open_database(files, Database::IfAbsent::kFail); !store) return store.error();
      Status copied = copy_pages(*from, *to);
      if (copied || !to->is_damaged()) return copied;
    }
  }
  if (Status moved = move_aside(path); !moved) return moved;
  return restore_as_new_file(*from, path);
}

}  // namespace portcullis::store
