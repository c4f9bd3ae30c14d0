#include <gtest/gtest.h>

#include "control/revisions/newer_revision.h"

namespace portcullis::control {
namespace {

const ObjectKind& routes() {
  return *config::find_object_kind("routes");
}

ObjectPointer route_object(const std::string& name, const std::string& json) {
  const config::Location place{config::FileName::unshared("routes/" + name), 1, 0};
  return std::make_shared<config::Object>(
      config::Object{.kind = &routes(), .name = name, .json = json, .secrets = {}, .location = place});
}

store::StoredObject stored(const std::string& name, const std::string& json, uint64_t revision) {
  return {
      .object = {.id = {"routes", name}, .json = json, .secrets = {}}, .revision = revision, .digest = ""};
}

uint64_t revision_of(const LiveObjects& live, const std::string& name) {
  const LiveObjects::Entry* const entry = live.find({&routes(), name});
  return entry == nullptr ? 0 : entry->revision;
}

TEST(LiveObjectsFollow, ObjectsKeepTheRevisionThatHasStoredThem) {
  LiveObjects in_store, live;
  in_store.begin({stored("a", "1", 3), stored("b", "1", 4), stored("c", "1", 2)});
  live.replace({nullptr, {route_object("a", "0")}}, 1);
  live.follow({nullptr, {route_object("a", "1"), route_object("b", "1"), route_object("c", "2")}}, 7,
              in_store);
  EXPECT_EQ(revision_of(live, "a"), 3U);
  EXPECT_EQ(revision_of(live, "b"), 4U);
  EXPECT_EQ(revision_of(live, "c"), 7U);  // it is not what the store has
}

TEST(LiveObjectsFollow, DifferencesAreThoseOfBothSides) {
  LiveObjects one, other;
  one.replace({nullptr, {route_object("same", "1"), route_object("changed", "1"), route_object("gone", "1")}},
              1);
  other.replace(
      {nullptr, {route_object("same", "1"), route_object("changed", "2"), route_object("new", "1")}}, 2);
  std::vector<std::string> names;
  for (const ObjectId& id : one.differences(other)) names.push_back(id.name);
  EXPECT_EQ(names, (std::vector<std::string>{"changed", "gone", "new"}));
  EXPECT_EQ(one.differences(other), other.differences(one));
}

TEST(NewerRevision, ARevisionWithObjectsOfAnUnknownKindIsRefused) {
  auto store = store::Store::open_in_memory();
  ASSERT_TRUE(store);
  const store::Object known{.id = {"routes", "a"}, .json = "{}", .secrets = {}};
  const store::Object unknown{.id = {"gizmos", "a"}, .json = "{}", .secrets = {}};
  ASSERT_TRUE(store->append({.newest = 0, .time = {}, .author = "a", .message = ""}, {{known}, {}}));
  const auto first = store->head();
  const auto newer = newer_revision(*store, *first, {});
  ASSERT_TRUE(newer && *newer);
  EXPECT_EQ((*newer)->live.entries().size(), 1U);
  ASSERT_TRUE(store->append({.newest = 1, .time = {}, .author = "a", .message = ""}, {{unknown}, {}}));
  const auto refused = newer_revision(*store, *store->head(), *first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "revision 2 has objects of the kind `gizmos`, which this version of Portcullis does not know: "
            "update this node");
}

}  // namespace
}  // namespace portcullis::control
