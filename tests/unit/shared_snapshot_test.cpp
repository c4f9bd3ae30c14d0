// A snapshot shares with the one before what is the same in both configurations.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/name_index.h"
#include "control/earlier_elements.h"
#include "control/load_config.h"
#include "control/snapshot.h"
#include "exchange_world.h"

namespace portcullis::control {
namespace {

constexpr const char* kText = R"(version: 1
listeners: [{name: main, address: "127.0.0.1:9000"}]
policies: [{headers: {response: {set: {x-all: "1"}}}}]
upstreams:
  - {name: b, targets: [{address: "127.0.0.1:9001"}]}
  - {name: c, targets: [{address: "127.0.0.1:9002"}]}
routes:
  - {name: to-b, match: {path_prefix: /b}, upstream: b}
  - {name: to-c, match: {path_prefix: /c}, upstream: c, policies: [{headers: {response: {set: {x-c: "1"}}}}]}
  - {name: gone, match: {path_prefix: /gone}, upstream: b}
  - {name: mirrored, match: {path_prefix: /m}, upstream: b, policies: [{mirror: {upstream: c}}]}
)";

template <typename T>
config::SharedList<T> without(const config::SharedList<T>& list, const std::string& name) {
  config::SharedList<T> out;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].name != name) out.add(list.share(i));
  }
  return out;
}

// With `element` first.
template <typename T>
config::SharedList<T> behind(const config::SharedList<T>& list, T element) {
  config::SharedList<T> out;
  out.add() = std::move(element);
  for (size_t i = 0; i < list.size(); ++i) out.add(list.share(i));
  return out;
}

class SharedSnapshot : public proxy::ExchangeWorld {
 protected:
  void SetUp() override {
    config::Diagnostics diagnostics;
    auto loaded = load_config_text(kText, "c.yaml", diagnostics);
    ASSERT_TRUE(loaded);
    config = std::move(*loaded);
    first = *compile_snapshot(config, 1, metrics, *services, kept);
  }
  std::shared_ptr<const proxy::Snapshot> compile(const config::Config& next) {
    const Compiled before{config, *first};
    return *compile_snapshot(next, 2, metrics, *services, kept, &before);
  }
  // The names of the routes that `next` shares with the first snapshot.
  std::vector<std::string> shared(const proxy::Snapshot& next) const {
    std::vector<std::string> out;
    for (size_t i = 0; i < next.routes.size(); ++i) {
      for (size_t k = 0; k < first->routes.size(); ++k) {
        if (&next.routes[i] == &first->routes[k]) out.push_back(next.routes[i].name);
      }
    }
    return out;
  }
  static std::string upstream_of(const proxy::Snapshot& snapshot, const std::string& name) {
    for (const proxy::Route& one : snapshot.routes) {
      if (one.name == name) return snapshot.upstreams[one.split.branches().at(0).upstream]->name;
    }
    return "";
  }

  std::unique_ptr<policy::Services> services =
      std::make_unique<policy::Services>(1, loop_, metrics.of_policies());
  Kept kept{TlsState([](Level, const std::string&) {})};
  config::Config config;
  std::shared_ptr<const proxy::Snapshot> first;
};

using Names = std::vector<std::string>;

TEST_F(SharedSnapshot, HasOnlyChangedRoutesCompiled) {
  config::Config next = config;
  config::Route changed = config.routes[0];
  changed.upstream = "c";
  next.routes = behind(without(without(config.routes, "to-b"), "gone"), std::move(changed));
  const auto second = compile(next);
  EXPECT_EQ(shared(*second), (Names{"to-c", "mirrored"}));
  EXPECT_EQ(upstream_of(*second, "to-b"), "c");
  EXPECT_EQ(second->upstreams, first->upstreams);
  EXPECT_EQ(second->consumers, first->consumers);
  EXPECT_EQ(second->unrouted.policies.at(0).policy, first->unrouted.policies.at(0).policy);
}

TEST_F(SharedSnapshot, HasRoutesCompiledWhoseUpstreamHasChanged) {
  config::Config next = config;
  config::Upstream changed = config.upstreams[0];
  changed.balance = upstream::Balance::kLeastRequest;
  next.upstreams = config::SharedList<config::Upstream>();
  next.upstreams.add() = std::move(changed);
  next.upstreams.add(config.upstreams.share(1));
  const auto second = compile(next);
  EXPECT_EQ(shared(*second), (Names{"to-c"}));
  EXPECT_NE(second->upstreams.at(0), first->upstreams.at(0));
  EXPECT_EQ(second->upstreams.at(1), first->upstreams.at(1));
}

TEST_F(SharedSnapshot, FindsUpstreamsWhoseIndexesHaveMoved) {
  config::Config next = config;
  config::Upstream added = config.upstreams[0];
  added.name = "a";
  next.upstreams = behind(config.upstreams, std::move(added));
  const auto second = compile(next);
  EXPECT_EQ(shared(*second), Names{});
  EXPECT_EQ(upstream_of(*second, "to-b"), "b");
  EXPECT_EQ(upstream_of(*second, "to-c"), "c");
  EXPECT_EQ(second->upstreams.at(1), first->upstreams.at(0));
}

TEST_F(SharedSnapshot, CompilesAllWithoutASnapshotBefore) {
  const auto second = *compile_snapshot(config, 2, metrics, *services, kept);
  EXPECT_EQ(shared(*second), Names{});
}

// Elements are found where they were, whatever was added, removed or moved before them.
TEST(EarlierElements, FindsTheSharedElements) {
  config::SharedList<std::string> before;
  for (size_t i = 0; i < 100; ++i) before.add() = std::to_string(i);
  config::SharedList<std::string> after;
  for (size_t i = 0; i < 40; ++i) after.add() = "new";
  for (size_t i = 30; i < 60; ++i) after.add(before.share(i));
  after.add() = "new";
  for (size_t i = 90; i < 100; ++i) after.add(before.share(i));
  for (size_t i = 0; i < 10; ++i) after.add(before.share(i));
  EarlierElements earlier(before);
  size_t count = 0;
  for (const std::string& one : after) {
    const auto found = earlier.find(one);
    if (found) {
      EXPECT_EQ(&before[*found], &one);
      ++count;
    }
  }
  EXPECT_GE(count, 30u);
}

TEST(NameIndex, FindsNamesAndTheFirstOfEqualOnes) {
  std::vector<std::string> names;
  for (size_t i = 0; i < 1000; ++i) names.push_back("name-" + std::to_string(i));
  NameIndex index(names.size() + 1);
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(index.add(names[i], i), i);
  EXPECT_EQ(index.add("name-7", 1000), 7u);
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(index.find(names[i]), i);
  EXPECT_EQ(index.find("name-1000"), NameIndex::kNone);
  EXPECT_EQ(NameIndex(0).find("a"), NameIndex::kNone);
}

}  // namespace
}  // namespace portcullis::control
