#include "store_world.h"

namespace portcullis::store {
namespace {

class StoreRetention : public StoreTest {
 protected:
  // Revisions 1 to `count`, one for each day; each changes the route `a`, and the first has the route `b`.
  void write_days(Store& store, int count) {
    for (int i = 1; i <= count; ++i) write_day(store, i);
  }
  void write_day(Store& store, int day) {
    Changes changes{.put = {route_with_token("a", std::to_string(day))}, .remove = {}};
    if (day == 1) changes.put.push_back(route("b", "1"));
    appended(store, changes, kFirstDay + days(day));
  }
  static Strings kept(Store& store) {
    Strings out;
    for (const Revision& one : value_of(store.revisions(UINT64_MAX, 1000)))
      out.push_back(std::to_string(one.number));
    return out;
  }
  int64_t rows(const char* table) {
    auto database = value_of(sqlite::Database::open(files_.database, IfAbsent::kFail));
    const std::string query = std::string("SELECT COUNT(*) FROM ") + table;
    return value_of(database.integer(query));
  }
  Strings retained_faults(Retention retention) { return value_of(check_store(files_, retention)).faults; }
};

TEST_F(StoreRetention, TheDefaultIsAThousandRevisionsAndNinetyDays) {
  EXPECT_EQ(Retention{}.revisions, 1'000U);
  EXPECT_EQ(Retention{}.age, days(90));
}

TEST_F(StoreRetention, ARevisionThatIsAmongTheNewestIsKeptWhateverItsAge) {
  Store store = open_store({.revisions = 3, .age = days(0)});
  write_days(store, 5);
  EXPECT_EQ(kept(store), (Strings{"5", "4", "3"}));
}

TEST_F(StoreRetention, ARevisionThatIsYoungIsKeptHoweverManyFollow) {
  Store store = open_store({.revisions = 1, .age = days(2)});
  write_days(store, 5);
  EXPECT_EQ(kept(store), (Strings{"5", "4", "3"}));
}

TEST_F(StoreRetention, AnExpiredRevisionIsGoneAndNotUnknown) {
  Store store = open_store({.revisions = 2, .age = days(0)});
  write_days(store, 4);
  EXPECT_EQ(std::get<Missing>(value_of(store.revision(2))), Missing::kExpired);
  EXPECT_EQ(std::get<Missing>(value_of(store.objects(2))), Missing::kExpired);
  EXPECT_EQ(std::get<Missing>(value_of(store.object(2, {"routes", "a"}))), Missing::kExpired);
  EXPECT_EQ(std::get<Missing>(value_of(store.tag("late", 2))), Missing::kExpired);
  EXPECT_EQ(std::get<Missing>(value_of(store.revision(5))), Missing::kRevision);
  EXPECT_EQ(contents(store, 4), (Strings{R"(a={"token":"4"})", "b=1"}));
}

TEST_F(StoreRetention, WhatOnlyExpiredRevisionsHadIsDeleted) {
  const Retention retention{.revisions = 2, .age = days(0)};
  Store store = open_store(retention);
  write_days(store, 9);
  EXPECT_EQ(rows("revisions"), 2);
  EXPECT_EQ(rows("objects"), 3);  // two forms of `a`, one of `b`
  EXPECT_EQ(rows("secrets"), 2);
  EXPECT_EQ(retained_faults(retention), Strings{});
}

TEST_F(StoreRetention, ATagKeepsARevisionWithItsObjects) {
  const Retention retention{.revisions = 2, .age = days(0)};
  Store store = open_store(retention);
  write_day(store, 1);
  write_day(store, 2);
  static_cast<void>(value_of(store.tag("release", 2)));
  for (int i = 3; i <= 6; ++i) write_day(store, i);
  EXPECT_EQ(kept(store), (Strings{"6", "5", "2"}));
  EXPECT_EQ(contents(store, 2), (Strings{R"(a={"token":"2"})", "b=1"}));
  EXPECT_EQ(retained_faults(retention), Strings{});

  static_cast<void>(value_of(store.remove_tag("release")));
  write_day(store, 7);
  EXPECT_EQ(kept(store), (Strings{"7", "6"}));
  EXPECT_EQ(rows("objects"), 3);
}

TEST_F(StoreRetention, AClockThatIsWrongDeletesNoneOfTheNewestRevisions) {
  Store store = open_store({.revisions = 3, .age = days(90)});
  write_days(store, 3);
  appended(store, route("a", "98"), kFirstDay + days(100'000));
  EXPECT_EQ(kept(store), (Strings{"4", "3", "2"}));
  appended(store, route("a", "99"), kFirstDay - days(1'000));
  EXPECT_EQ(kept(store), (Strings{"5", "4", "3", "2"}));
}

// A clock that went back can leave such a row until later revisions expire.
TEST_F(StoreRetention, AnObjectThatNoKeptRevisionHasIsNoFault) {
  const Retention retention{.revisions = 1, .age = days(0)};
  Store store = open_store(retention);
  write_days(store, 3);
  auto database = value_of(sqlite::Database::open(files_.database, IfAbsent::kFail));
  ASSERT_TRUE(
      database.run_script("INSERT INTO objects (kind, name, since, until, owner, digest, content) "
                          "SELECT kind, name, 1, 2, owner, digest, content FROM objects WHERE name = 'b'"));
  EXPECT_EQ(retained_faults(retention), Strings{});
}

TEST_F(StoreRetention, NumbersGoOnAfterAllEarlierRevisionsHaveExpired) {
  const Retention one_only{.revisions = 1, .age = days(0)};
  {
    Store store = open_store(one_only);
    write_days(store, 3);
  }
  Store store = open_store(one_only);
  write_day(store, 4);
  EXPECT_EQ(kept(store), Strings{"4"});
}

// A revision with one change costs one object and a few small rows, however many objects there are. The bound
// of a million small objects, scaled down.
TEST_F(StoreRetention, ManyRevisionsOfManyObjectsStaySmall) {
  Store store = open_store();
  Changes all;
  for (int i = 0; i < 2'000; ++i)
    all.put.push_back(route("route-" + std::to_string(i), R"({"upstream":"orders"})"));
  appended(store, all);
  static_cast<void>(value_of(store.tag("checkpoint", 1)));
  const auto size = [&] { return bytes().size(); };
  const size_t before = size();
  for (int i = 0; i < 100; ++i)
    appended(store, route("route-" + std::to_string(i), R"({"upstream":"changed"})"));
  auto database = value_of(sqlite::Database::open(files_.database, IfAbsent::kFail));
  EXPECT_EQ(value_of(database.integer("SELECT COUNT(*) FROM objects")), 2'100);
  static_cast<void>(value_of(database.integer("PRAGMA wal_checkpoint(TRUNCATE)")));
  EXPECT_LT(before, 2'000U * 500);
  EXPECT_LT(size(), 2'000U * 250 + 100U * 600);
  EXPECT_EQ(contents(store, 1).size(), 2'000U);
}

}  // namespace
}  // namespace portcullis::store
