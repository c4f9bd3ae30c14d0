#include <thread>

#include "store_world.h"

namespace portcullis::store {
namespace {

class StoreRevisions : public StoreTest {};

TEST_F(StoreRevisions, ANewStoreIsEmptyAndForItsOwnerAlone) {
  Store store = open_store();
  EXPECT_EQ(value_of(store.newest()), 0U);
  EXPECT_EQ(contents(store, 0), Strings{});
  EXPECT_EQ(std::get<Missing>(value_of(store.revision(0))), Missing::kRevision);
  EXPECT_EQ(std::get<Missing>(value_of(store.objects(1))), Missing::kRevision);
  const auto mode = std::filesystem::status(files_.database).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(StoreRevisions, SeveralProcessesMayCreateTheStoreAtOnce) {
  for (int round = 0; round < 20; ++round) {
    files_ = {folder_ + "/" + std::to_string(round), folder_ + "/" + std::to_string(round) + ".key"};
    std::vector<std::string> errors(4);
    std::vector<std::thread> threads;
    for (std::string& error : errors) threads.emplace_back([&] { error = open_error(); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(errors, Strings(4));
  }
}

TEST_F(StoreRevisions, ARevisionKeepsItsObjectsInCanonicalFormAndSaysWhatItIs) {
  Store store = open_store();
  const Revision made =
      appended(store, {.put = {route("b", R"({"y":1.0, "x":2})"),
                               route("a", "{}"),
                               {.id = {"upstreams", "orders"}, .json = "{}", .secrets = {}}},
                       .remove = {}});
  EXPECT_EQ(made.number, 1U);
  EXPECT_EQ(made.parent, 0U);
  EXPECT_EQ(made.summary, "+2 routes, +1 upstream");
  const auto read = std::get<Revision>(value_of(open_store().revision(1)));
  EXPECT_EQ(read.author, "ada");
  EXPECT_EQ(read.message, "why");
  EXPECT_EQ(read.time, kFirstDay);
  EXPECT_EQ(read.hash, made.hash);
  EXPECT_EQ(read.hash.size(), 64U);
  EXPECT_EQ(contents(store, 1), (Strings{"a={}", R"(b={"x":2,"y":1})", "orders={}"}));
}

TEST_F(StoreRevisions, EarlierRevisionsStayAsTheyWere) {
  Store store = open_store();
  appended(store, {.put = {route("a", "1"), route("b", "1")}, .remove = {}});
  EXPECT_EQ(appended(store, {.put = {route("a", "2"), route("c", "2")}, .remove = {{"routes", "b"}}}).summary,
            "+1 route, ~1 route, -1 route");
  appended(store, {.put = {}, .remove = {{"routes", "a"}, {"routes", "never there"}}});
  EXPECT_EQ(contents(store, 1), (Strings{"a=1", "b=1"}));
  EXPECT_EQ(contents(store, 2), (Strings{"a=2", "c=2"}));
  EXPECT_EQ(contents(store, 3), (Strings{"c=2"}));
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreRevisions, AnObjectSaysWhichRevisionHasPutItAndHasADigest) {
  Store store = open_store();
  appended(store, {.put = {route("a", "1"), route("b", "1")}, .remove = {}});
  appended(store, route("b", "2"));
  const auto find = [&](uint64_t number, const std::string& name) {
    return value_of(store.object(number, {"routes", name}));
  };
  const auto a = std::get<StoredObject>(find(2, "a")), b = std::get<StoredObject>(find(2, "b"));
  EXPECT_EQ(a.revision, 1U);
  EXPECT_EQ(b.revision, 2U);
  EXPECT_EQ(b.object.json, "2");
  EXPECT_NE(a.digest, b.digest);
  EXPECT_EQ(std::get<StoredObject>(find(1, "b")).object.json, "1");
  EXPECT_EQ(std::get<Missing>(find(2, "c")), Missing::kObject);
  EXPECT_EQ(std::get<Missing>(find(3, "a")), Missing::kRevision);
}

TEST_F(StoreRevisions, EqualContentMakesNoRevision) {
  Store store = open_store();
  appended(store, route_with_token("a", "hunter2"));
  EXPECT_EQ(
      std::get<Unchanged>(
          append(store, {.put = {route(R"(a)", R"( {"token" : "hunter2"} )", {"/token"})}, .remove = {}}))
          .number,
      1U);
  EXPECT_EQ(std::get<Unchanged>(append(store, {})).number, 1U);
  EXPECT_EQ(value_of(store.newest()), 1U);
  // A secret is part of the content, and so is whether a value is secret.
  EXPECT_EQ(appended(store, route_with_token("a", "hunter3")).number, 2U);
  EXPECT_EQ(appended(store, route("a", R"({"token":"hunter3"})")).number, 3U);
}

TEST_F(StoreRevisions, TheSameObjectsHaveTheSameHash) {
  Store store = open_store();
  const std::string first = appended(store, route("a", "1")).hash;
  const std::string second = appended(store, route("a", "2")).hash;
  EXPECT_NE(first, second);
  EXPECT_EQ(appended(store, route("a", "1")).hash, first);
}

TEST_F(StoreRevisions, OfTwoWritersWithTheSameParentOneIsToldThatTheOtherWasFirst) {
  Store one = open_store(), other = open_store();
  appended(one, route("a", "1"));
  appended(other, route("b", "1"));
  const Draft draft{.newest = 1, .time = kFirstDay, .author = "eve", .message = ""};
  const auto outcome =
      std::get<Overtaken>(value_of(one.append(draft, {.put = {route("c", "1")}, .remove = {}})));
  EXPECT_EQ(outcome.newest, 2U);
  EXPECT_EQ(outcome.message,
            "revision 2 is the newest, and this change was made from revision 1: look at what has changed "
            "since, and try again");
  EXPECT_EQ(contents(one, 2), (Strings{"a=1", "b=1"}));
  EXPECT_EQ(appended(one, route("c", "1")).number, 3U);
}

TEST_F(StoreRevisions, AnotherRevisionOfTheSameNumberIsNotTheOneThatTheAuthorHasSeen) {
  Store store = open_store();
  appended(store, route("a", "1"));
  Draft draft{
      .newest = 1, .newest_hash = std::string(64, '0'), .time = kFirstDay, .author = "eve", .message = ""};
  const Changes changes{.put = {route("b", "1")}, .remove = {}};
  EXPECT_EQ(std::get<Overtaken>(value_of(store.append(draft, changes))).message,
            "the store has been restored: its revision 1 is another one than the one that this change was "
            "made from");
  draft.newest_hash = value_of(store.head()).hash;
  EXPECT_EQ(std::get<Appended>(value_of(store.append(draft, changes))).revision.number, 2U);
}

TEST_F(StoreRevisions, TheWholeContentReplacesWhatItDoesNotName) {
  Store store = open_store();
  appended(store, {.put = {route("a", "1"), route("b", "1")}, .remove = {}});
  const Draft draft{.newest = 1, .time = kFirstDay, .author = "ada", .message = ""};
  const std::vector<Object> all{route("b", "1"), route("c", "1")};
  EXPECT_EQ(std::get<Appended>(value_of(store.append_all(draft, all))).revision.summary,
            "+1 route, -1 route");
  EXPECT_EQ(contents(store, 2), (Strings{"b=1", "c=1"}));
  // What is put again as it was stays the work of the revision that has changed it.
  EXPECT_EQ(std::get<StoredObject>(value_of(store.object(2, {"routes", "b"}))).revision, 1U);
}

// A canary that was withdrawn keeps its number, and the next change is made from the revision before it.
TEST_F(StoreRevisions, TheParentMayBeAnotherRevisionThanTheNewest) {
  Store store = open_store();
  appended(store, {.put = {route("a", "1"), route("b", "1")}, .remove = {}});
  appended(store, route("a", "9"));
  const Draft draft{.newest = 2, .time = kFirstDay, .author = "ada", .message = "", .parent = 1};
  const std::vector<Object> as_before{route("a", "1"), route("b", "1")},
      changed{route("a", "1"), route("b", "2")};
  EXPECT_EQ(std::get<Unchanged>(value_of(store.append_all(draft, as_before))).number, 1U);
  const Revision made = std::get<Appended>(value_of(store.append_all(draft, changed))).revision;
  EXPECT_EQ(made.number, 3U);
  EXPECT_EQ(made.parent, 1U);
  EXPECT_EQ(made.summary, "~1 route");
  EXPECT_EQ(contents(store, 3), (Strings{"a=1", "b=2"}));
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreRevisions, AKindOfOneObjectHasNoNumberInTheSummary) {
  Store store = open_store();
  EXPECT_EQ(appended(store, Object{.id = {"policies", ""}, .json = "[]", .secrets = {}}).summary,
            "+policies");
}

TEST_F(StoreRevisions, WhatCannotBeStoredIsRefusedWithItsName) {
  Store store = open_store();
  const auto refused = [&](const Object& object) {
    const auto outcome =
        std::get<Unusable>(append(store, {.put = {route("good", "1"), object}, .remove = {}}));
    EXPECT_EQ(outcome.object, object.id);
    return outcome.message;
  };
  EXPECT_EQ(refused(route("a", "{")), "the object is not valid JSON");
  EXPECT_EQ(refused(route("a", "\"\xff\"")), "the object is not valid JSON");
  EXPECT_EQ(refused(route("\xff", "1")), "the name is not valid UTF-8");
  EXPECT_EQ(refused(route("a", "12345678901234567890")).substr(0, 31), "the integer 1234567890123456789");
  EXPECT_EQ(refused(route("a", std::string(100'000, '[') + std::string(100'000, ']'))),
            "the value is nested more than 200 levels deep");
  EXPECT_EQ(refused(route("a", "{}", {"/token"})),
            "the object has no value at `/token` that could be a secret");
  EXPECT_EQ(refused(route("a", "{}", {""})), "the object has no value at `` that could be a secret");
  EXPECT_EQ(refused(route("a", R"({"b":{"c":1}})", {"/b", "/b/c"})),
            "the object has no value at `/b/c` that could be a secret");
  EXPECT_EQ(refused(route("good", "2")), "the object is named twice");
  EXPECT_EQ(value_of(store.newest()), 0U);
}

TEST_F(StoreRevisions, NamesMayHaveAnyCharacters) {
  Store store = open_store();
  for (const std::string& name :
       {std::string("a/b"), std::string("50%"), std::string("ä\" \n"), std::string("a\0b", 3)}) {
    appended(store, route_with_token(name, "t"));
    EXPECT_EQ(std::get<StoredObject>(value_of(store.object(value_of(store.newest()), {"routes", name})))
                  .object.json,
              R"({"token":"t"})");
  }
  EXPECT_EQ(faults(), Strings{});
}

TEST_F(StoreRevisions, SecretsComeBackWithTheirPlacesAndAreNotInTheFile) {
  Store store = open_store();
  appended(store, route("a", R"({"keys":[{"key":"hunter2"},{"key":{"deep":"swordfish"}}],"url":"plain"})",
                        {"/keys/1/key", "/keys/0/key"}));
  const auto read = std::get<StoredObject>(value_of(open_store().object(1, {"routes", "a"})));
  EXPECT_EQ(read.object.json, R"({"keys":[{"key":"hunter2"},{"key":{"deep":"swordfish"}}],"url":"plain"})");
  EXPECT_EQ(read.object.secrets, (Strings{"/keys/0/key", "/keys/1/key"}));
  EXPECT_EQ(bytes().find("hunter2"), std::string::npos);
  EXPECT_EQ(bytes().find("swordfish"), std::string::npos);
  EXPECT_NE(bytes().find("plain"), std::string::npos);
}

TEST_F(StoreRevisions, RevisionsAreListedNewestFirstInParts) {
  Store store = open_store();
  for (int i = 1; i <= 5; ++i) appended(store, route("a", std::to_string(i)));
  const auto numbers = [&](uint64_t before, size_t limit) {
    std::vector<uint64_t> out;
    for (const Revision& one : value_of(store.revisions(before, limit))) out.push_back(one.number);
    return out;
  };
  EXPECT_EQ(numbers(UINT64_MAX, 2), (std::vector<uint64_t>{5, 4}));
  EXPECT_EQ(numbers(4, 10), (std::vector<uint64_t>{3, 2, 1}));
}

TEST_F(StoreRevisions, ATagBelongsToOneRevisionAndMoves) {
  Store store = open_store();
  for (int i = 1; i <= 2; ++i) appended(store, route("a", std::to_string(i)));
  const auto tags = [&](uint64_t number) {
    return std::get<Revision>(value_of(store.revision(number))).tags;
  };
  EXPECT_EQ(std::get<uint64_t>(value_of(store.tag("live", 1))), 1U);
  EXPECT_EQ(std::get<uint64_t>(value_of(store.tag("good", 1))), 1U);
  EXPECT_EQ(tags(1), (Strings{"good", "live"}));
  EXPECT_EQ(std::get<uint64_t>(value_of(store.tag("live", 2))), 2U);
  EXPECT_EQ(tags(1), Strings{"good"});
  EXPECT_EQ(tags(2), Strings{"live"});
  EXPECT_EQ(std::get<Missing>(value_of(store.tag("live", 3))), Missing::kRevision);
  EXPECT_EQ(value_of(store.remove_tag("live")), Store::Untagged::kRemoved);
  EXPECT_EQ(value_of(store.remove_tag("live")), Store::Untagged::kUnknown);
  EXPECT_EQ(tags(2), Strings{});
}

}  // namespace
}  // namespace portcullis::store
