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

// The configuration with two policy sets, one of which `uses` has.
class SnapshotWithSets : public SharedSnapshot {
 protected:
  void begin(const std::string& uses) {
    config::Diagnostics diagnostics;
    auto loaded = load_config_text(R"(version: 1
listeners: [{name: main, address: "127.0.0.1:9000"}]
policies: [)" + uses + R"(]
policy_sets:
  - {name: none, policies: []}
  - {name: one, policies: [{headers: {response: {set: {x-one: "1"}}}}]}
upstreams: [{name: b, targets: [{address: "127.0.0.1:9001"}]}]
routes:
  - {name: plain, match: {path_prefix: /p}, upstream: b}
  - {name: own, match: {path_prefix: /o}, upstream: b, policies: [{headers: {response: {set: {x-c: "1"}}}}]}
  - {name: with-one, match: {path_prefix: /1}, upstream: b, policies: [{use: one}]}
  - {name: with-both, match: {path_prefix: /2}, upstream: b, policies: [{use: none}, {use: one}]}
)",
                                   "c.yaml", diagnostics);
    ASSERT_TRUE(loaded);
    config = std::move(*loaded);
    first = *compile_snapshot(config, 1, metrics, *services, kept);
  }
  // The configuration in which the set called `name` has the policies of the set `one`, and one more of them.
  config::Config with_more_in(const std::string& name) const {
    config::Config next = config;
    next.policy_sets = config::SharedList<config::PolicySet>();
    for (size_t i = 0; i < config.policy_sets.size(); ++i) {
      if (config.policy_sets[i].name != name) {
        next.policy_sets.add(config.policy_sets.share(i));
        continue;
      }
      config::PolicySet& changed = next.policy_sets.add() = config.policy_sets[i];
      changed.policies.push_back(config.policy_sets[1].policies.at(0));
    }
    return next;
  }
  static std::vector<size_t> policy_counts(const proxy::Snapshot& snapshot) {
    std::vector<size_t> out;
    for (const proxy::Route& one : snapshot.routes) out.push_back(one.policies.size());
    return out;
  }
};
using Counts = std::vector<size_t>;

TEST_F(SnapshotWithSets, HasOnlyRoutesCompiledThatUseAChangedSet) {
  begin("");
  EXPECT_EQ(policy_counts(*first), (Counts{0, 1, 1, 1}));
  EXPECT_EQ(first->routes[3].policies.at(0).policy_set, "one");
  const auto same = compile(config);
  EXPECT_EQ(shared(*same), (Names{"plain", "own", "with-one", "with-both"}));
  const config::Config next = with_more_in("none");
  const auto second = compile(next);
  EXPECT_EQ(shared(*second), (Names{"plain", "own", "with-one"}));
  EXPECT_EQ(policy_counts(*second), (Counts{0, 1, 1, 2}));
}

TEST_F(SnapshotWithSets, HasAllRoutesCompiledWhenTheTopLevelUsesAChangedSet) {
  begin("{use: none}");
  EXPECT_EQ(policy_counts(*first), (Counts{0, 1, 1, 1}));
  const config::Config next = with_more_in("none");
  const auto second = compile(next);
  EXPECT_EQ(shared(*second), Names{});
  EXPECT_EQ(policy_counts(*second), (Counts{1, 2, 2, 3}));
  EXPECT_EQ(second->unrouted.policies.size(), 1u);
}

TEST_F(SharedSnapshot, SharesAllRoutesWhenErrorsChange) {
  config::Config next = config;
  next.errors.emplace_back().respond.status = 503;
  const auto second = compile(next);
  EXPECT_EQ(shared(*second).size(), config.routes.size());
  EXPECT_EQ(first->errors, nullptr);
  ASSERT_NE(second->errors, nullptr);
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
