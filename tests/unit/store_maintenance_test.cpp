#include <atomic>
#include <thread>

#include "store_world.h"

namespace portcullis::store {
namespace {

class StoreMaintenance : public StoreTest {
 protected:
  std::string backup() const { return folder_ + "/backup.db"; }
  StoreFiles backup_files() const { return {backup(), files_.key_file}; }
  // Runs a statement beside the store's own code.
  void tamper(const char* sql) {
    auto database = value_of(sqlite::Database::open(files_.database, IfAbsent::kFail));
    ASSERT_TRUE(database.run_script(sql));
  }
  // The newest content of the store `files`.
  static Strings newest_of(const StoreFiles& files) {
    Store store = open_store_of(files);
    return contents(store, value_of(store.newest()));
  }
};

TEST_F(StoreMaintenance, AGoodStoreIsCounted) {
  Store store = open_store();
  appended(store, {.put = {route_with_token("a", "hunter2"), route("b", "1")}, .remove = {}});
  appended(store, route_with_token("a", "hunter3"));
  const Findings found = value_of(check_store(files_));
  EXPECT_EQ(found.faults, Strings{});
  EXPECT_EQ(found.newest, 2U);
  EXPECT_EQ(found.revisions, 2U);
  EXPECT_EQ(found.secrets, 2U);
}

TEST_F(StoreMaintenance, WhatWasChangedBehindTheStoreIsFound) {
  {
    Store store = open_store();
    for (int i = 1; i <= 4; ++i)
      appended(store, {.put = {route_with_token("a", std::to_string(i)), route("b", "1")}, .remove = {}});
  }
  const std::pair<const char*, const char*> kTamperings[] = {
      {"UPDATE revisions SET hash = x'00' WHERE number = 2",
       "revision 2: its objects are not those that were stored"},
      {"DELETE FROM revisions WHERE number = 3", "1 of the revisions 1 to 4 are missing"},
      {"UPDATE objects SET content = '2' WHERE name = 'b'",
       "object routes/b of revision 1: the content is not what was stored"},
      {"INSERT INTO tags VALUES ('lost', 9)", "tag lost: revision 9 is missing"},
      {"INSERT INTO secrets VALUES (99, '/token', 'k', x'00')", "1 secrets belong to no object"},
      {"INSERT INTO objects (kind, name, since, owner, digest, content) SELECT kind, name, since, owner, "
       "digest, content FROM objects WHERE name = 'b'",
       "revision 1: it has two objects routes/b"},
  };
  ASSERT_TRUE(back_up_store(files_, backup()));
  for (const auto& [sql, fault] : kTamperings) {
    ASSERT_TRUE(restore_store(backup(), files_, Existing::kReplace));
    EXPECT_EQ(faults(), Strings{});
    tamper(sql);
    const Strings found = faults();
    EXPECT_TRUE(std::find(found.begin(), found.end(), fault) != found.end())
        << sql << testing::PrintToString(found);
  }
}

TEST_F(StoreMaintenance, ASecretThatDoesNotOpenIsFound) {
  Store store = open_store();
  appended(store, {.put = {route_with_token("a", "1"), route_with_token("b", "2")}, .remove = {}});
  // The secret of one object in the place of another one.
  tamper("UPDATE secrets SET box = (SELECT box FROM secrets WHERE object = 1) WHERE object = 2");
  const Strings found = faults();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].starts_with("object routes/b of revision 1: `/token`: a secret does not open"))
      << found[0];
  EXPECT_FALSE(store.objects(1));
}

TEST_F(StoreMaintenance, ABackupIsAWholeStoreInOneFile) {
  Store store = open_store();
  appended(store, route_with_token("a", "hunter2"));
  ASSERT_TRUE(back_up_store(files_, backup()));
  appended(store, route_with_token("a", "hunter3"));
  // Byte 18 of the header: the file needs no log to be read.
  EXPECT_EQ((*read_file(backup()))[18], 1);
  EXPECT_EQ(value_of(check_store(backup_files())).faults, Strings{});
  EXPECT_FALSE(std::filesystem::exists(backup() + "-wal"));
  EXPECT_EQ(std::filesystem::status(backup()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(newest_of(backup_files()), Strings{R"(a={"token":"hunter2"})"});
}

TEST_F(StoreMaintenance, ABackupNeverReplacesAFile) {
  Store store = open_store();
  std::ofstream(backup()) << "precious";
  EXPECT_EQ(back_up_store(files_, backup()).error().message,
            backup() + ": the file exists: name another one");
  EXPECT_EQ(*read_file(backup()), "precious");
}

TEST_F(StoreMaintenance, ABackupThatCannotBeWrittenLeavesNothing) {
  Store store = open_store();
  EXPECT_FALSE(back_up_store(files_, folder_ + "/none/backup.db"));
  const StoreFiles absent{folder_ + "/absent.db", files_.key_file};
  EXPECT_FALSE(back_up_store(absent, backup()));
  EXPECT_FALSE(std::filesystem::exists(backup()));
}

TEST_F(StoreMaintenance, BackupsAreWholeWhileAnotherThreadWrites) {
  {
    Store store = open_store();
    appended(store, route("a", "0"));
  }
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> written{1};
  std::thread writer([&] {
    Store store = open_store();
    while (!stop) written = appended(store, route("a", std::to_string(written + 1))).number;
  });
  for (int i = 0; i < 10; ++i) {
    const uint64_t before = written;
    while (written < before + 3) std::this_thread::yield();
    const uint64_t at_least = written;
    const Status done = back_up_store(files_, backup());
    ASSERT_TRUE(done) << done.error().message;
    const Findings found = value_of(check_store(backup_files()));
    EXPECT_EQ(found.faults, Strings{});
    EXPECT_GE(found.newest, at_least);
    std::filesystem::remove(backup());
  }
  stop = true;
  writer.join();
}

TEST_F(StoreMaintenance, ABackupIsRestoredToAnAbsentPathWithoutAnOldLog) {
  {
    Store store = open_store();
    appended(store, route_with_token("a", "1"));
    ASSERT_TRUE(back_up_store(files_, backup()));
    appended(store, route_with_token("a", "2"));
    std::filesystem::copy(files_.database + "-wal", folder_ + "/kept-wal");
  }
  std::filesystem::remove(files_.database);
  std::filesystem::rename(folder_ + "/kept-wal", files_.database + "-wal");
  ASSERT_TRUE(restore_store(backup(), files_, Existing::kRefuse));
  EXPECT_EQ(newest_of(files_), Strings{R"(a={"token":"1"})"});
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreMaintenance, AnExistingStoreIsReplacedOnlyWhenThatIsWanted) {
  Store store = open_store();
  appended(store, route("a", "1"));
  ASSERT_TRUE(back_up_store(files_, backup()));
  appended(store, route("a", "2"));
  EXPECT_EQ(restore_store(backup(), files_, Existing::kRefuse).error().message,
            files_.database +
                ": the store exists, and a gateway may be using it: with `--force` its content is replaced");
  EXPECT_EQ(newest_of(files_), Strings{"a=2"});
  ASSERT_TRUE(restore_store(backup(), files_, Existing::kReplace));
  // The store that was open all the time sees the restored content, and can write.
  EXPECT_EQ(contents(store, value_of(store.newest())), Strings{"a=1"});
  EXPECT_EQ(appended(store, route("a", "3")).number, 2U);
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreMaintenance, AFileThatIsTooDamagedIsMovedAside) {
  {
    Store store = open_store();
    appended(store, route("a", "1"));
  }
  ASSERT_TRUE(back_up_store(files_, backup()));
  std::ofstream(files_.database) << std::string(8'192, 'x');
  ASSERT_TRUE(restore_store(backup(), files_, Existing::kReplace));
  EXPECT_EQ(newest_of(files_), Strings{"a=1"});
  EXPECT_EQ(*read_file(files_.database + ".damaged"), std::string(8'192, 'x'));
}

TEST_F(StoreMaintenance, ADatabaseOfAnotherProgramIsNotReplaced) {
  {
    Store store = open_store();
    appended(store, route("a", "1"));
  }
  ASSERT_TRUE(back_up_store(files_, backup()));
  const StoreFiles other{folder_ + "/other.db", files_.key_file};
  {
    static_cast<void>(value_of(sqlite::Database::open(other.database, IfAbsent::kCreate))
                          .run_script("CREATE TABLE theirs (x)"));
  }
  EXPECT_EQ(restore_store(backup(), other, Existing::kReplace).error().message,
            other.database + ": the file is a database of another program: name another file");
}

TEST_F(StoreMaintenance, RekeyingChangesTheKeyAndNothingElse) {
  Store store = open_store();
  appended(store, {.put = {route_with_token("a", "hunter2"), route("b", "1")}, .remove = {}});
  const std::string hash = appended(store, route_with_token("a", "hunter3")).hash;
  const KeyRing before = *value_of(read_key_file(files_.key_file));
  EXPECT_EQ(value_of(rekey_store(files_)), 2U);
  const KeyRing after = *value_of(read_key_file(files_.key_file));
  ASSERT_EQ(after.keys.size(), 1U);
  EXPECT_NE(after.keys[0].id, before.keys[0].id);
  EXPECT_NE(after.keys[0].bytes, before.keys[0].bytes);
  EXPECT_EQ(faults(), Strings{});
  EXPECT_EQ(std::get<Revision>(value_of(store.revision(2))).hash, hash);
  // The store that was open meanwhile reads and writes with the new key, and an equal secret is no change.
  EXPECT_EQ(contents(store, 2), (Strings{R"(a={"token":"hunter3"})", "b=1"}));
  EXPECT_TRUE(std::holds_alternative<Unchanged>(
      append(store, {.put = {route_with_token("a", "hunter3")}, .remove = {}})));
  appended(store, route_with_token("a", "hunter4"));
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreMaintenance, AWriterThatKnowsTheOldKeyOnlyWritesWithTheNewOne) {
  Store store = open_store();
  static_cast<void>(value_of(rekey_store(files_)));
  appended(store, route_with_token("a", "hunter2"));
  EXPECT_EQ(newest_of(files_), Strings{R"(a={"token":"hunter2"})"});
}

TEST_F(StoreMaintenance, AStolenKeyFileOpensNothingAfterRekeying) {
  Store store = open_store();
  appended(store, route_with_token("a", "hunter2"));
  std::filesystem::copy(files_.key_file, folder_ + "/stolen");
  const std::string box = [&] {
    auto database = value_of(sqlite::Database::open(files_.database, IfAbsent::kFail));
    sqlite::Rows rows = database.query("SELECT box FROM secrets");
    return rows.next() ? std::string(rows.text(0)) : std::string();
  }();
  ASSERT_NE(bytes().find(box), std::string::npos);
  static_cast<void>(value_of(rekey_store(files_)));
  const StoreFiles with_stolen{files_.database, folder_ + "/stolen"};
  EXPECT_FALSE(Store::open(with_stolen, IfAbsent::kFail));
  EXPECT_EQ(bytes().find(box), std::string::npos) << "the file still has what the stolen key opens";
}

// The process ended after the key file was written and before the store was.
TEST_F(StoreMaintenance, AnInterruptedRekeyingIsCompletedByTheNext) {
  Store store = open_store();
  appended(store, route_with_token("a", "hunter2"));
  KeyRing ring = *value_of(read_key_file(files_.key_file));
  ring.keys.insert(ring.keys.begin(), generate_key());
  ASSERT_TRUE(replace_key_file(files_.key_file, ring));
  EXPECT_EQ(newest_of(files_), Strings{R"(a={"token":"hunter2"})"});
  appended(store, route_with_token("a", "hunter3"));
  EXPECT_EQ(faults(), Strings{});
  EXPECT_EQ(value_of(rekey_store(files_)), 2U);
  EXPECT_EQ(value_of(read_key_file(files_.key_file))->keys.size(), 1U);
  EXPECT_EQ(newest_of(files_), Strings{R"(a={"token":"hunter3"})"});
}

TEST_F(StoreMaintenance, TwoRekeyingsAtOnceLoseNoSecret) {
  Store store = open_store();
  appended(store, route_with_token("a", "hunter2"));
  const auto rekey_often = [&] {
    for (int i = 0; i < 20; ++i) static_cast<void>(value_of(rekey_store(files_)));
  };
  std::thread other(rekey_often);
  rekey_often();
  other.join();
  EXPECT_EQ(faults(), Strings{});
  EXPECT_EQ(value_of(read_key_file(files_.key_file))->keys.size(), 1U);
}

}  // namespace
}  // namespace portcullis::store
