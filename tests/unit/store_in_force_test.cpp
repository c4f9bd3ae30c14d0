#include "store_world.h"

namespace portcullis::store {
namespace {

class StoreInForce : public StoreTest {
 protected:
  // Appends a canary of revision 1 to the newest revision.
  static void begin_canary(Store& store, const Object& object, sys_seconds time = kFirstDay) {
    Draft draft{.newest = value_of(store.newest()),
                .time = time,
                .author = "ada",
                .message = "",
                .parent = 1,
                .canary = "its rules"};
    std::get<Appended>(value_of(store.append(draft, {.put = {object}, .remove = {}})));
  }
};

TEST_F(StoreInForce, WithoutACanaryItIsTheNewestRevision) {
  Store store = open_store();
  EXPECT_EQ(value_of(store.in_force()).number, 0U);
  appended(store, route("a", "1"));
  appended(store, route("a", "2"));
  EXPECT_EQ(value_of(store.in_force()).number, 2U);
  EXPECT_EQ(value_of(store.in_force()).canary, "");
}

TEST_F(StoreInForce, TheHeadChangesWithEachRevisionAndWithTheEndOfACanary) {
  Store store = open_store(), other = open_store();
  EXPECT_EQ(value_of(store.head()), Head());
  const Revision first = appended(other, route("a", "1"));
  EXPECT_EQ(value_of(store.head()), (Head{1, first.hash, {1, ""}}));
  begin_canary(other, route("a", "2"));
  const Head during = value_of(store.head());
  EXPECT_EQ(during.newest, 2U);
  EXPECT_EQ(during.in_force, (InForce{1, "its rules"}));
  ASSERT_TRUE(other.end_canary(2));
  EXPECT_EQ(value_of(store.head()), (Head{2, during.hash, {2, ""}}));
}

TEST_F(StoreInForce, ACanaryIsStoredBesideItsParent) {
  {
    Store store = open_store();
    appended(store, route("a", "1"));
    begin_canary(store, route("a", "2"));
  }
  Store store = open_store();
  EXPECT_EQ(value_of(store.newest()), 2U);
  EXPECT_EQ(value_of(store.in_force()).number, 1U);
  EXPECT_EQ(value_of(store.in_force()).canary, "its rules");
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreInForce, TheEndOfACanaryIsStored) {
  Store store = open_store();
  appended(store, route("a", "1"));
  begin_canary(store, route("a", "2"));
  ASSERT_TRUE(store.end_canary(1));
  EXPECT_EQ(value_of(store.in_force()).number, 1U);
  EXPECT_EQ(value_of(store.in_force()).canary, "");
  begin_canary(store, route("a", "3"));
  ASSERT_TRUE(store.end_canary(3));
  EXPECT_EQ(value_of(store.in_force()).number, 3U);
}

TEST_F(StoreInForce, ANewRevisionEndsACanary) {
  Store store = open_store();
  appended(store, route("a", "1"));
  begin_canary(store, route("a", "2"));
  appended(store, route("a", "3"));
  EXPECT_EQ(value_of(store.in_force()).number, 3U);
  EXPECT_EQ(value_of(store.in_force()).canary, "");
}

TEST_F(StoreInForce, TheRevisionInForceIsKeptHoweverManyWereWithdrawn) {
  Store store = open_store({.revisions = 2, .age = days(0)});
  appended(store, route("a", "1"));
  for (int day = 2; day <= 5; ++day) {
    begin_canary(store, route("a", std::to_string(day)), kFirstDay + days(day));
    ASSERT_TRUE(store.end_canary(1));
  }
  Strings kept;
  for (const Revision& one : value_of(store.revisions(UINT64_MAX, 100)))
    kept.push_back(std::to_string(one.number));
  EXPECT_EQ(kept, (Strings{"5", "4", "1"}));
  EXPECT_EQ(contents(store, 1), Strings{"a=1"});
}

}  // namespace
}  // namespace portcullis::store
