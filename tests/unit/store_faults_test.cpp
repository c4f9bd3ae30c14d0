#include <fcntl.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store_world.h"

namespace portcullis::store {
namespace {

// Lets the system calls with which SQLite changes files fail, from the one of a given number on.
class FailingCalls {
 public:
  FailingCalls(int error, int first) {
    error_ = error;
    calls_until_failure_ = first;
    replace("pwrite", reinterpret_cast<sqlite3_syscall_ptr>(write_or_fail));
    replace("pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(write_or_fail));
    replace("ftruncate", reinterpret_cast<sqlite3_syscall_ptr>(truncate_or_fail));
  }
  FailingCalls(const FailingCalls&) = delete;
  FailingCalls& operator=(const FailingCalls&) = delete;
  ~FailingCalls() {
    for (const char* name : {"pwrite", "pwrite64", "ftruncate"}) replace(name, nullptr);
  }
  static bool has_failed() { return calls_until_failure_ <= 0; }

 private:
  static void replace(const char* name, sqlite3_syscall_ptr function) {
    sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
    ASSERT_EQ(system->xSetSystemCall(system, name, function), SQLITE_OK);
  }
  static bool fails() {
    if (--calls_until_failure_ > 0) return false;
    errno = error_;
    return true;
  }
  static ssize_t write_or_fail(int file, const void* bytes, size_t size, off_t offset) {
    return fails() ? -1 : ::pwrite(file, bytes, size, offset);
  }
  static int truncate_or_fail(int file, off_t size) { return fails() ? -1 : ::ftruncate(file, size); }

  static inline int error_ = 0;
  static inline int calls_until_failure_ = 0;
};

class StoreFaults : public StoreTest {
 protected:
  std::string append_error(Store& store, const Changes& changes) {
    const auto outcome = store.append(
        {.newest = value_of(store.newest()), .time = kFirstDay, .author = "", .message = ""}, changes);
    return outcome ? "" : outcome.error().message;
  }
  void set_pragma(const std::string& pragma) {
    auto database = value_of(sqlite::Database::open(files_.database, IfAbsent::kFail));
    ASSERT_TRUE(database.run_script(("PRAGMA " + pragma).c_str()));
  }
  // Writes everything into the database file.
  void fill(int routes) {
    Store store = open_store();
    Changes all;
    for (int i = 0; i < routes; ++i)
      all.put.push_back(route_with_token("route-" + std::to_string(i), "hunter2"));
    appended(store, all);
  }
};

Changes many_changes() {
  Changes out;
  for (int i = 0; i < 50; ++i)
    out.put.push_back(route_with_token("new-" + std::to_string(i), std::string(200, 'x')));
  return out;
}

TEST_F(StoreFaults, AFullDiskStoresNothingAndSaysSo) {
  Store store = open_store();
  appended(store, route("a", "1"));
  {
    const FailingCalls full(ENOSPC, 1);
    EXPECT_EQ(append_error(store, many_changes()), files_.database + ": the disk is full: free some space");
    EXPECT_EQ(contents(store, 1), Strings{"a=1"});  // reading goes on
  }
  EXPECT_EQ(appended(store, route("a", "2")).number, 2U);
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreFaults, AFailureOfAnyCallStoresTheWholeRevisionOrNothing) {
  for (const int error : {ENOSPC, EIO}) {
    bool has_failed = true;
    for (int call = 1; has_failed; ++call) {
      SCOPED_TRACE(std::to_string(call) + " " + std::strerror(error));
      ASSERT_LT(call, 1'000);
      std::filesystem::remove_all(folder_);
      std::filesystem::create_directory(folder_);
      std::string why;
      {
        Store store = open_store();
        appended(store, route("a", "1"));
        const FailingCalls failing(error, call);
        why = append_error(store, many_changes());
        has_failed = FailingCalls::has_failed();
      }
      ASSERT_EQ(faults(), Strings{});
      Store store = open_store();
      ASSERT_EQ(value_of(store.newest()), why.empty() ? 2U : 1U);
      ASSERT_TRUE(why.empty() || why.starts_with(files_.database + ": ")) << why;
      ASSERT_EQ(appended(store, route("a", "3")).number, why.empty() ? 3U : 2U);
    }
  }
}

TEST_F(StoreFaults, ADamagedPageIsAnErrorAndAFinding) {
  fill(1'000);
  const size_t size = std::filesystem::file_size(files_.database);
  for (size_t page = 1; page < size / 4096; page += 7)
    overwrite(files_.database, page * 4096, std::string(4096, 'x'));
  Store store = open_store();
  EXPECT_EQ(store.objects(1).error().message, files_.database + ": the file is damaged: put back a backup");
  EXPECT_FALSE(faults().empty());
  EXPECT_EQ(back_up_store(files_, folder_ + "/backup.db").error().message,
            files_.database + ": the file is damaged: run `portcullis store check`");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/backup.db"));
}

TEST_F(StoreFaults, AChangedByteOfAnObjectIsAFinding) {
  fill(3);
  const std::string file = *read_file(files_.database);
  const size_t at = file.find(R"({"token":null})");
  ASSERT_NE(at, std::string::npos);
  overwrite(files_.database, at + 2, "T");
  const Strings found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].starts_with("object routes/route-")) << found[0];
  EXPECT_TRUE(found[0].ends_with(" of revision 1: the content is not what was stored")) << found[0];
}

TEST_F(StoreFaults, AFileThatIsNoDatabaseIsAnErrorAndAFinding) {
  std::ofstream(files_.database) << std::string(10'000, 'x');
  const std::string why =
      files_.database + ": the file is not a SQLite database, or is damaged: put back a backup";
  EXPECT_EQ(open_error(), why);
  EXPECT_EQ(faults(), Strings{why});
}

TEST_F(StoreFaults, ADatabaseOfAnotherProgramIsLeftAlone) {
  {
    static_cast<void>(value_of(sqlite::Database::open(files_.database, IfAbsent::kCreate))
                          .run_script("CREATE TABLE theirs (x)"));
  }
  EXPECT_EQ(open_error(), files_.database + ": the file is a database of another program: name another file");
  EXPECT_FALSE(std::filesystem::exists(files_.key_file));
}

TEST_F(StoreFaults, AStoreOfANewerVersionIsLeftAlone) {
  fill(1);
  set_pragma("user_version = 2");
  EXPECT_EQ(open_error(),
            files_.database +
                ": the store was written by a newer version of Portcullis (schema 2, this version knows 1): "
                "use that version, or restore a backup that was made before it");
}

TEST_F(StoreFaults, AnAbsentStoreIsCreatedOnlyWhenThatIsWanted) {
  EXPECT_NE(open_error(IfAbsent::kFail), "");
  EXPECT_FALSE(std::filesystem::exists(files_.database));
  files_.database = folder_ + "/none/portcullis.db";
  EXPECT_EQ(
      open_error(),
      files_.database + ": cannot create the file: No such file or directory (create the folder first)");
}

TEST_F(StoreFaults, AMissingKeyFileIsNotReplacedByAnother) {
  fill(1);
  std::filesystem::remove(files_.key_file);
  const std::string why = "key file " + files_.key_file +
                          ": the file is missing, and the secrets of the store " + files_.database +
                          " cannot be read without it: put back its copy";
  EXPECT_EQ(open_error(), why);
  EXPECT_EQ(faults(), Strings{why});
  EXPECT_FALSE(std::filesystem::exists(files_.key_file));
}

TEST_F(StoreFaults, TheKeyFileOfAnotherStoreIsRefused) {
  fill(1);
  std::filesystem::remove(files_.key_file);
  static_cast<void>(value_of(create_key_file(files_.key_file)));
  EXPECT_EQ(open_error(), "key file " + files_.key_file + ": these are not the keys of the store " +
                              files_.database + ": put back the copy of its key file");
}

TEST_F(StoreFaults, AKeyFileWithAnotherKeyForDigestsIsRefused) {
  fill(1);
  KeyRing ring = *value_of(read_key_file(files_.key_file));
  ring.digest_key[0] ^= 1;
  ASSERT_TRUE(replace_key_file(files_.key_file, ring));
  EXPECT_NE(open_error(), "");
}

TEST_F(StoreFaults, AnExistingKeyFileIsUsedForANewStore) {
  const KeyRing ring = value_of(create_key_file(files_.key_file));
  fill(1);
  EXPECT_EQ(value_of(read_key_file(files_.key_file))->keys[0].id, ring.keys[0].id);
}

TEST_F(StoreFaults, AStoreThatCannotBeWrittenCanBeRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  fill(2);
  Store writer = open_store();  // its log is beside the database, so that a reader needs to create no file
  for (const char* end : {"", "-wal", "-shm"}) ::chmod((files_.database + end).c_str(), 0444);
  ::chmod(files_.key_file.c_str(), 0640);
  ::chown(files_.key_file.c_str(), 0, 65534);
  ::chmod(folder_.c_str(), 0555);
  ::setfsgid(65534);
  ::setfsuid(65534);
  std::string why, opened;
  size_t found = 0;
  {
    auto store = Store::open(files_, IfAbsent::kCreate);
    if (store) {
      found = contents(*store, 1).size();
      why = append_error(*store, {.put = {route("a", "1")}, .remove = {}});
    } else {
      opened = store.error().message;
    }
  }
  ::setfsuid(0);
  ::setfsgid(0);
  EXPECT_EQ(opened, "");
  EXPECT_EQ(found, 2U);
  EXPECT_EQ(why, files_.database +
                     ": the file cannot be written: check who owns it and its folder, and whether the "
                     "file system is mounted read-only");
}

}  // namespace
}  // namespace portcullis::store
