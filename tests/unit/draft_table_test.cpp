#include "store/draft_table.h"

#include "store_world.h"

namespace portcullis::store {
namespace {

using Outcome = DraftTable::Outcome;
constexpr size_t kMany = 10;

class DraftTableTest : public StoreTest {
 protected:
  DraftTableTest() { open_store(); }
  DraftTable open_table() { return value_of(DraftTable::open(files_)); }
  static std::string text_of(DraftTable& table, const std::string& name) {
    const auto found = value_of(table.read(name));
    return found ? found->text : "none";
  }
};

TEST_F(DraftTableTest, ADraftIsKeptInTheFile) {
  {
    DraftTable table = open_table();
    EXPECT_EQ(text_of(table, "a"), "none");
    EXPECT_EQ(value_of(table.write("b", "two", 0, kMany)), Outcome::kDone);
    EXPECT_EQ(value_of(table.write("a", "one", 0, kMany)), Outcome::kDone);
  }
  DraftTable table = open_table();
  EXPECT_EQ(value_of(table.names()), (Strings{"a", "b"}));
  EXPECT_EQ(text_of(table, "a"), "one");
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(DraftTableTest, AWriterThatHasSeenAnotherVersionWritesNothing) {
  DraftTable table = open_table(), other = open_table();
  ASSERT_EQ(value_of(table.write("a", "one", 0, kMany)), Outcome::kDone);
  const uint64_t seen = value_of(table.read("a"))->version;
  ASSERT_EQ(value_of(other.write("a", "two", seen, kMany)), Outcome::kDone);
  EXPECT_EQ(value_of(table.write("a", "three", seen, kMany)), Outcome::kConflict);
  EXPECT_EQ(value_of(table.write("a", "three", 0, kMany)), Outcome::kConflict);
  EXPECT_EQ(value_of(table.remove("a", seen)), Outcome::kConflict);
  EXPECT_EQ(text_of(table, "a"), "two");
}

TEST_F(DraftTableTest, ADraftThatWasMadeAgainIsAnotherVersion) {
  DraftTable table = open_table();
  ASSERT_EQ(value_of(table.write("a", "one", 0, kMany)), Outcome::kDone);
  const uint64_t first = value_of(table.read("a"))->version;
  ASSERT_EQ(value_of(table.remove("a", first)), Outcome::kDone);
  ASSERT_EQ(value_of(table.write("a", "one", 0, kMany)), Outcome::kDone);
  EXPECT_EQ(value_of(table.remove("a", first)), Outcome::kConflict);
}

TEST_F(DraftTableTest, TheirNumberIsBounded) {
  DraftTable table = open_table();
  ASSERT_EQ(value_of(table.write("a", "one", 0, 1)), Outcome::kDone);
  EXPECT_EQ(value_of(table.write("b", "one", 0, 1)), Outcome::kTooMany);
  EXPECT_EQ(value_of(table.write("a", "two", value_of(table.read("a"))->version, 1)), Outcome::kDone);
}

TEST_F(DraftTableTest, TextsAreEncryptedAndOpenAfterRekeying) {
  DraftTable table = open_table();
  ASSERT_EQ(value_of(table.write("a", "hunter2-in-a-draft", 0, kMany)), Outcome::kDone);
  EXPECT_EQ(bytes().find("hunter2-in-a-draft"), std::string::npos);
  ASSERT_TRUE(rekey_store(files_));
  EXPECT_EQ(text_of(table, "a"), "hunter2-in-a-draft");
  EXPECT_EQ(value_of(table.write("b", "more", 0, kMany)), Outcome::kDone);
}

TEST_F(DraftTableTest, ATextThatWasMovedToAnotherNameDoesNotOpen) {
  DraftTable table = open_table();
  ASSERT_EQ(value_of(table.write("a", "one", 0, kMany)), Outcome::kDone);
  auto database = value_of(sqlite::Database::open(files_.database, IfAbsent::kFail));
  ASSERT_TRUE(database.run("UPDATE drafts SET name = 'b'"));
  const auto found = value_of(table.read("b"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text, "");
  EXPECT_NE(found->fault, "");
  EXPECT_EQ(value_of(table.remove("b", found->version)), Outcome::kDone);
}

}  // namespace
}  // namespace portcullis::store
