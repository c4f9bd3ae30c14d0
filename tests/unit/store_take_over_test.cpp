#include "store_world.h"

namespace portcullis::store {
namespace {

class StoreTakeOver : public StoreTest {
 protected:
  using Scope = Foreign::Scope;

  StoreTakeOver() {
    std::filesystem::create_directory(folder_ + "/other");
    other_files_ = {folder_ + "/other/portcullis.db", files_.key_file};
  }

  // A revision of `from` as another store takes it over, whole or as a change of the revision before.
  static Foreign foreign_of(Store& from, uint64_t number, Scope scope) {
    const auto found = value_of(from.objects(number));
    Foreign out{.revision = std::get<Revision>(value_of(from.revision(number))),
                .publication = "p" + std::to_string(number),
                .scope = scope,
                .put = {},
                .base = scope == Scope::kChanges ? number - 1 : 0};
    for (const StoredObject& one : std::get<std::vector<StoredObject>>(found)) {
      if (scope == Scope::kWhole || one.revision == number) out.put.push_back(one);
    }
    return out;
  }
  static std::string error_of(const Status& status) { return status ? "" : status.error().message; }

  StoreFiles other_files_;
};

TEST_F(StoreTakeOver, RevisionsKeepTheirNumbersHashesAndWhoHasPutTheirObjects) {
  Store from = open_store(), to = open_store_of(other_files_);
  appended(from, route_with_token("a", "secret-1"));
  appended(from, route("b", "1"));
  appended(from, Changes{.put = {route_with_token("a", "secret-2")}, .remove = {{"routes", "b"}}});
  Foreign third = foreign_of(from, 3, Scope::kChanges);
  third.remove = {{"routes", "b"}};
  ASSERT_EQ(
      error_of(to.take_over({foreign_of(from, 1, Scope::kWhole), foreign_of(from, 2, Scope::kChanges)})), "");
  ASSERT_EQ(error_of(to.take_over({third})), "");
  for (uint64_t number = 1; number <= 3; ++number) {
    EXPECT_EQ(contents(to, number), contents(from, number));
    EXPECT_EQ(std::get<Revision>(value_of(to.revision(number))).hash,
              std::get<Revision>(value_of(from.revision(number))).hash);
  }
  EXPECT_EQ(std::get<StoredObject>(value_of(to.object(2, {"routes", "a"}))).revision, 1U);
  EXPECT_EQ(value_of(to.taken_over()).number, 3U);
  EXPECT_EQ(value_of(to.taken_over()).publication, "p3");
}

TEST_F(StoreTakeOver, NumbersMayBeLeftOutAndAreExpired) {
  Store from = open_store(), to = open_store_of(other_files_);
  for (const char* value : {"1", "2", "3", "4"}) appended(from, route("a", value));
  ASSERT_EQ(error_of(to.take_over({foreign_of(from, 2, Scope::kWhole), foreign_of(from, 4, Scope::kWhole)})),
            "");
  EXPECT_EQ(contents(to, 2), Strings{"a=2"});
  EXPECT_EQ(contents(to, 4), Strings{"a=4"});
  EXPECT_EQ(std::get<Missing>(value_of(to.revision(3))), Missing::kExpired);
}

TEST_F(StoreTakeOver, ARevisionThatIsThereIsPassedOverAndAnotherOneOfItsNumberIsRefused) {
  Store from = open_store(), to = open_store_of(other_files_);
  appended(from, route("a", "1"));
  Foreign first = foreign_of(from, 1, Scope::kWhole);
  ASSERT_EQ(error_of(to.take_over({first})), "");
  EXPECT_EQ(error_of(to.take_over({first})), "");
  first.publication = "another";
  EXPECT_NE(error_of(to.take_over({first})).find("the store has another revision 1"), std::string::npos);
}

TEST_F(StoreTakeOver, AChangeOfARevisionThatIsNotThereIsRefused) {
  Store from = open_store(), to = open_store_of(other_files_);
  for (const char* value : {"1", "2", "3"}) appended(from, route("a", value));
  ASSERT_EQ(error_of(to.take_over({foreign_of(from, 1, Scope::kWhole)})), "");
  EXPECT_NE(error_of(to.take_over({foreign_of(from, 3, Scope::kChanges)})).find("does not have revision 2"),
            std::string::npos);
  EXPECT_EQ(value_of(to.newest()), 1U);
}

TEST_F(StoreTakeOver, ObjectsThatAreNotThoseOfTheHashAreRefusedAsAWhole) {
  Store from = open_store(), to = open_store_of(other_files_);
  appended(from, route("a", "1"));
  appended(from, route("b", "1"));
  Foreign second = foreign_of(from, 2, Scope::kWhole);
  second.put.pop_back();
  EXPECT_NE(error_of(to.take_over({foreign_of(from, 1, Scope::kWhole), second})).find("hash"),
            std::string::npos);
  EXPECT_EQ(value_of(to.newest()), 0U);
}

TEST_F(StoreTakeOver, AStoreWithRevisionsOfItsOwnIsLeftAlone) {
  Store from = open_store(), to = open_store_of(other_files_);
  appended(from, route("a", "1"));
  appended(to, route("own", "1"));
  EXPECT_NE(error_of(to.take_over({foreign_of(from, 1, Scope::kWhole)})).find("revisions of its own"),
            std::string::npos);
  EXPECT_EQ(contents(to, 1), Strings{"own=1"});
  const auto held = to.taken_over();
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().message.find("revisions of its own"), std::string::npos);
  EXPECT_NE(held.error().message.find("`portcullis export`"), std::string::npos);
}

TEST_F(StoreTakeOver, ATagThatComesWithRevisionsKeepsItsRevision) {
  Store from = open_store(), to = open_store_of(other_files_, {.revisions = 1, .age = days(1)});
  appended(from, route("a", "1"), kFirstDay);
  appended(from, route("a", "2"), kFirstDay);
  ASSERT_EQ(
      error_of(to.take_over({foreign_of(from, 1, Scope::kWhole), foreign_of(from, 2, Scope::kChanges)})), "");
  ASSERT_EQ(error_of(to.set_in_force(2)), "");
  appended(from, route("a", "3"), kFirstDay + days(10));
  appended(from, route("a", "4"), kFirstDay + days(20));
  const Tags tags{{"good", 1}, {"also-good", 3}};
  ASSERT_EQ(error_of(to.take_over(
                {foreign_of(from, 3, Scope::kChanges), foreign_of(from, 4, Scope::kChanges)}, tags)),
            "");
  ASSERT_EQ(error_of(to.set_in_force(4)), "");
  appended(from, route("a", "5"), kFirstDay + days(30));
  ASSERT_EQ(error_of(to.take_over({foreign_of(from, 5, Scope::kChanges)}, tags)), "");
  EXPECT_EQ(std::get<Revision>(value_of(to.revision(1))).tags, Strings{"good"});
  EXPECT_EQ(std::get<Missing>(value_of(to.revision(2))), Missing::kExpired);
  EXPECT_EQ(std::get<Revision>(value_of(to.revision(3))).tags, Strings{"also-good"});
  EXPECT_EQ(contents(to, 1), Strings{"a=1"});
}

TEST_F(StoreTakeOver, ACopyKeepsTheKeyOfItsCluster) {
  Store from = open_store();
  appended(from, route_with_token("a", "secret-1"));
  {
    Store to = open_store_of(other_files_);
    ASSERT_EQ(error_of(to.take_over({foreign_of(from, 1, Scope::kWhole)})), "");
  }
  const auto before = read_file(other_files_.key_file);
  const auto rekeyed = rekey_store(other_files_);
  ASSERT_FALSE(rekeyed);
  EXPECT_NE(rekeyed.error().message.find("the copy of a cluster"), std::string::npos);
  EXPECT_EQ(*read_file(other_files_.key_file), *before);
}

TEST_F(StoreTakeOver, TagsAreSetAsAWhole) {
  Store store = open_store();
  appended(store, route("a", "1"));
  ASSERT_EQ(error_of(store.set_tags({{"good", 1}, {"gone", 7}})), "");
  EXPECT_EQ(std::get<Revision>(value_of(store.revision(1))).tags, Strings{"good"});
  ASSERT_EQ(error_of(store.set_tags({})), "");
  EXPECT_EQ(std::get<Revision>(value_of(store.revision(1))).tags, Strings{});
}

}  // namespace
}  // namespace portcullis::store
