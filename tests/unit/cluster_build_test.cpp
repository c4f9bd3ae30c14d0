#include <gtest/gtest.h>

#include "cluster/build.h"
#include "cluster/packed.h"
#include "cluster/view.h"

namespace portcullis::cluster {
namespace {

Keys some_keys() {
  store::KeyRing ring{.digest_key = {}, .keys = {store::generate_key()}};
  const std::string id = ring.keys.front().id;
  return {std::make_shared<store::SecretBox>(std::move(ring)), id};
}

store::Object route(size_t number, const std::string& value) {
  return {.id = {"routes", "r" + std::to_string(number)},
          .json = R"({"secret":"s","value":")" + value + R"("})",
          .secrets = {"/secret"}};
}

class Building : public testing::Test {
 protected:
  BuildOutcome change(const ContentPtr& newest, store::Changes changes, Scope scope = Scope::kChanges) {
    auto outcome =
        build({.newest = newest,
               .parent = newest,
               .draft = {.newest = newest->header.revision.number, .time = {}, .author = "a", .message = "m"},
               .changes = std::move(changes),
               .scope = scope,
               .publication = "p"},
              keys);
    EXPECT_TRUE(outcome);
    return *std::move(outcome);
  }
  Built routes(size_t count) {
    store::Changes changes;
    for (size_t i = 0; i < count; ++i) changes.put.push_back(route(i, "old"));
    return std::get<Built>(change(no_content(), std::move(changes)));
  }

  const Keys keys = some_keys();
};

TEST_F(Building, AChangeOfOneObjectMakesOnePart) {
  const Built first = routes(3'000);
  EXPECT_LT(50u, first.content->buckets.size());
  const Built second = std::get<Built>(change(first.content, {{route(7, "new")}, {}}));
  EXPECT_EQ(1u, second.parts.size());
  EXPECT_EQ("~1 route", second.content->header.revision.summary);
  const Difference differs = difference(*first.content, *second.content);
  ASSERT_EQ(1u, differs.put.size());
  EXPECT_EQ("r7", differs.put[0]->id.name);
}

TEST_F(Building, AnEqualObjectChangesNothingAndKeepsItsEncryptedForm) {
  const Built first = routes(10);
  EXPECT_EQ(1u, std::get<store::Unchanged>(change(first.content, {{route(7, "old")}, {}})).number);
  const Built second = std::get<Built>(change(first.content, {{route(7, "old"), route(8, "new")}, {}}));
  const store::ObjectName id{"routes", "r7"};
  EXPECT_EQ(find_object(*first.content, id)->secrets[0].box,
            find_object(*second.content, id)->secrets[0].box);
}

TEST_F(Building, AWholeRevisionHasNoOtherObjects) {
  const Built first = routes(10);
  const Built second =
      std::get<Built>(change(first.content, {{route(1, "old"), route(20, "new")}, {}}, Scope::kWhole));
  EXPECT_EQ("+1 route, -9 routes", second.content->header.revision.summary);
  EXPECT_EQ(2u, objects_of(*second.content).size());
}

TEST_F(Building, AnObjectThatIsNamedTwiceIsRefused) {
  const Built first = routes(1);
  EXPECT_TRUE(
      std::holds_alternative<store::Unusable>(change(first.content, {{route(0, "x")}, {{"routes", "r0"}}})));
}

TEST_F(Building, TheHashDoesNotDependOnTheBuckets) {
  const Built large = routes(3'000);
  store::Changes fewer;
  for (size_t i = 10; i < 3'000; ++i) fewer.remove.push_back({"routes", "r" + std::to_string(i)});
  const Built small = std::get<Built>(change(large.content, fewer));
  EXPECT_LT(small.content->buckets.size(), large.content->buckets.size());
  EXPECT_EQ(routes(10).content->header.revision.hash, small.content->header.revision.hash);
}

TEST_F(Building, WhatIsReadIsWhatWasBuilt) {
  const Built built = routes(10);
  const auto header = unpacked_header(packed_header(built.content->header));
  ASSERT_TRUE(header);
  EXPECT_EQ(built.content->header.parts, header->parts);
  const auto bucket = bucket_from(header->parts[0], built.parts[0].bytes);
  ASSERT_TRUE(bucket);
  const auto opened = open((*bucket)->objects[0], *keys.box);
  ASSERT_TRUE(opened);
  EXPECT_EQ(R"({"secret":"s","value":"old"})", opened->object.json);
  std::string damaged = built.parts[0].bytes;
  damaged.back() ^= 1;
  EXPECT_FALSE(bucket_from(header->parts[0], damaged));
}

TEST(Packing, DamagedBytesAreRefused) {
  EXPECT_EQ("text", *unpack(pack("text")));
  EXPECT_FALSE(unpack("text"));
  EXPECT_FALSE(unpack(pack("text").substr(0, 5)));
}

TEST(ClusterEvent, OnlyTheKeysOfTheClusterGiveItsDigest) {
  const Keys keys = some_keys();
  store::KeyRing others{.digest_key = {1}, .keys = {store::generate_key()}};
  const std::string id = others.keys.front().id;
  const Keys other_keys{std::make_shared<store::SecretBox>(std::move(others)), id};
  const std::string text = text_of(Event{"purge", "tag:orders", "n1"}, "name", keys);
  const auto event = event_from(text, "name", keys);
  ASSERT_TRUE(event);
  EXPECT_EQ("purge", event->kind);
  EXPECT_EQ("tag:orders", event->text);
  EXPECT_EQ("n1", event->node);
  EXPECT_FALSE(event_from(text, "name", other_keys));
  EXPECT_FALSE(event_from(text, "another", keys));
  for (const char* part : {"purge", "orders", "n1"}) {
    std::string changed = text;
    changed[changed.find(part)] ^= 1;
    EXPECT_FALSE(event_from(changed, "name", keys)) << changed;
  }
  EXPECT_FALSE(event_from(R"({"kind":"purge","text":"tag:orders","node":"n1"})", "name", keys));
  EXPECT_FALSE(event_from("no JSON", "name", keys));
}

}  // namespace
}  // namespace portcullis::cluster
