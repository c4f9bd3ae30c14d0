#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "upstream/upstream.h"

namespace portcullis::upstream {
namespace {

class BalancerTest : public ::testing::Test {
 protected:
  struct Spec {
    uint32_t weight = 1;
    uint32_t rank = 0;
    Metadata metadata{};
  };
  // Targets with the addresses 10.0.0.1, 10.0.0.2, ...
  static std::shared_ptr<UpstreamDefinition> describe(Balance balance, const std::vector<Spec>& specs) {
    auto out = std::make_shared<UpstreamDefinition>();
    out->balance = balance;
    out->ejection.failures_in_row = 1;
    out->ejection.ejection = out->ejection.max_ejection = Milliseconds(3'600'000);
    out->ejection.max_ejected = 100;
    for (size_t i = 0; i < specs.size(); ++i) {
      const std::string address = "10.0.0." + std::to_string(i + 1) + ":80";
      out->targets.push_back({.name = address,
                              .place = *SocketAddress::parse(address),
                              .weight = specs[i].weight,
                              .rank = specs[i].rank,
                              .metadata = specs[i].metadata});
    }
    return out;
  }
  std::unique_ptr<Upstream> make(Balance balance, const std::vector<Spec>& specs, uint64_t seed = 7) {
    return std::make_unique<Upstream>(loop, describe(balance, specs), seed);
  }
  static int number_of(const Target& target) {
    const std::string host = target.address().host();
    return std::stoi(host.substr(host.rfind('.') + 1));
  }
  static uint64_t key(int i) { return hash_bytes("key-" + std::to_string(i)); }
  static std::map<int, int> spread(Upstream& upstream, int picks, size_t subset = 0) {
    std::map<int, int> out;
    for (int i = 0; i < picks; ++i) ++out[number_of(*upstream.pick(subset, {0, key(i)}))];
    return out;
  }
  static Target& number(Upstream& upstream, int wanted) {
    for (int i = 0; i < 100'000; ++i) {
      Target* target = upstream.pick(0, {0, key(i)});
      if (number_of(*target) == wanted) return *target;
    }
    ADD_FAILURE() << "target " << wanted << " is never picked";
    return *upstream.pick(0);
  }

  EventLoop loop;
};

constexpr Balance kAll[] = {Balance::kRoundRobin, Balance::kLeastRequest, Balance::kRandom,
                            Balance::kPeakEwma,   Balance::kRingHash,     Balance::kMaglev};
constexpr Balance kHashing[] = {Balance::kRingHash, Balance::kMaglev};

TEST_F(BalancerTest, EqualTargetsGetEqualShares) {
  for (const Balance balance : kAll) {
    const auto upstream = make(balance, std::vector<Spec>(10));
    for (const auto& [target, picks] : spread(*upstream, 100'000))
      EXPECT_NEAR(picks, 10'000, balance == Balance::kRingHash ? 2'500 : 500)
          << target << " of balancer " << static_cast<int>(balance);
  }
}

TEST_F(BalancerTest, SharesFollowWeights) {
  for (const Balance balance :
       {Balance::kRoundRobin, Balance::kRandom, Balance::kRingHash, Balance::kMaglev}) {
    const auto upstream = make(balance, {{.weight = 1}, {.weight = 2}, {.weight = 5}});
    const std::map<int, int> got = spread(*upstream, 80'000);
    for (const auto& [target, share] : std::map<int, double>{{1, 10'000}, {2, 20'000}, {3, 50'000}})
      EXPECT_NEAR(got.at(target), share, balance == Balance::kRingHash ? share * 0.2 : share * 0.05)
          << target << " of balancer " << static_cast<int>(balance);
  }
}

TEST_F(BalancerTest, WithAKeyTheSameTargetIsFoundOnEveryNode) {
  for (const Balance balance : kHashing) {
    const auto one = make(balance, std::vector<Spec>(7), 1);
    auto reversed = describe(balance, std::vector<Spec>(7));
    std::reverse(reversed->targets.begin(), reversed->targets.end());
    Upstream other(loop, reversed, 2);
    for (int i = 0; i < 2'000; ++i)
      EXPECT_EQ(number_of(*one->pick(0, {0, key(i)})), number_of(*other.pick(0, {0, key(i)})));
  }
}

// Counts the keys that moved although their target stayed.
TEST_F(BalancerTest, ATargetThatComesOrGoesMovesFewKeysBesideItsOwn) {
  constexpr int kKeys = 20'000;
  for (const Balance balance : kHashing) {
    const auto ten = make(balance, std::vector<Spec>(10));
    const auto nine = make(balance, std::vector<Spec>(9));  // all but the tenth target
    int moved = 0, kept = 0;
    for (int i = 0; i < kKeys; ++i) {
      const int before = number_of(*ten->pick(0, {0, key(i)})),
                after = number_of(*nine->pick(0, {0, key(i)}));
      if (before == 10) continue;
      ++(before == after ? kept : moved);
    }
    EXPECT_LE(moved, balance == Balance::kRingHash ? 0 : kKeys);
    EXPECT_LT(moved, (moved + kept) * 0.05) << static_cast<int>(balance);
  }
}

TEST_F(BalancerTest, TheKeysOfAnUnavailableTargetAreSpreadAndComeBack) {
  constexpr int kKeys = 20'000;
  for (const Balance balance : kHashing) {
    const auto upstream = make(balance, std::vector<Spec>(10));
    std::map<int, int> before;
    for (int i = 0; i < kKeys; ++i) before[i] = number_of(*upstream->pick(0, {0, key(i)}));
    number(*upstream, 4).note_failure();
    std::map<int, int> heirs;
    for (int i = 0; i < kKeys; ++i) {
      const int after = number_of(*upstream->pick(0, {0, key(i)}));
      if (before[i] != 4) {
        EXPECT_EQ(after, before[i]);
      } else {
        ++heirs[after];
      }
    }
    EXPECT_EQ(heirs.size(), 9u);  // the lost target's keys are spread over all others
    for (const auto& [heir, keys] : heirs) EXPECT_LT(keys, kKeys / 10 / 9 * 3) << heir;
  }
}

TEST_F(BalancerTest, PeakEwmaAvoidsTheSlowOneAndNoticesSoon) {
  const auto upstream = make(Balance::kPeakEwma, std::vector<Spec>(4));
  Target& slow = number(*upstream, 3);
  std::map<int, int> got;
  for (int i = 0; i < 4'000; ++i) {
    Target& target = *upstream->pick(0);
    ++got[number_of(target)];
    target.note_latency(&target == &slow ? std::chrono::milliseconds(50) : std::chrono::milliseconds(1));
  }
  EXPECT_LT(got[3], 40) << "a hundredth";
  for (const int fast : {1, 2, 4}) EXPECT_GT(got[fast], 1'000);
  // A fast target that turns slow is avoided after one answer, or earlier because of its waiting requests.
  Target& turned = number(*upstream, 1);
  for (int i = 0; i < 300; ++i) {
    Target& target = *upstream->pick(0);
    if (&target == &turned) {
      ++target.in_flight;  // without a decrement: the request never ends
    } else {
      target.note_latency(std::chrono::milliseconds(1));
    }
  }
  EXPECT_LE(turned.in_flight, 50u);  // from there on even the slow target is the better choice
}

TEST_F(BalancerTest, ATargetThatComesBackIsNotOverrun) {
  // When its latency is unknown again, the target is tried by one request at a time.
  auto definition = describe(Balance::kPeakEwma, std::vector<Spec>(4));
  definition->ejection.ejection = Milliseconds(20);
  Upstream upstream(loop, definition, 3);
  for (int i = 0; i < 400; ++i) upstream.pick(0)->note_latency(std::chrono::milliseconds(1));
  Target& back = number(upstream, 2);
  back.note_failure();
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(10);
  while (!back.available() && Clock::now() < deadline) loop.run_once(Milliseconds(5));
  ASSERT_TRUE(back.available());
  for (int i = 0; i < 1'000; ++i) {
    Target& target = *upstream.pick(0);
    if (&target == &back) ++target.in_flight;
  }
  EXPECT_EQ(back.in_flight, 1u);
}

TEST_F(BalancerTest, ASlowStartGrowsToTheFullShare) {
  for (const Balance balance : {Balance::kRoundRobin, Balance::kRandom}) {
    auto definition = describe(balance, std::vector<Spec>(2));
    definition->slow_start = Milliseconds(400);
    definition->ejection.ejection = Milliseconds(1);
    Upstream upstream(loop, definition, 3);
    Target& back = number(upstream, 2);
    back.note_failure();
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
    while (!back.available() && Clock::now() < deadline) loop.run_once(Milliseconds(1));
    EXPECT_LT(spread(upstream, 10'000)[2], 3'500);
    uint64_t before = 0;
    while (back.share() < Target::kWhole && Clock::now() < deadline) {
      EXPECT_GE(back.share(), before);
      before = back.share();
      loop.run_once(Milliseconds(5));
    }
    EXPECT_NEAR(spread(upstream, 10'000)[2], 5'000, 300);
  }
}

TEST_F(BalancerTest, GroupsOfAHigherRankServeWhatTheFirstCannotBear) {
  for (const Balance balance : kAll) {
    const auto upstream =
        make(balance, {{}, {}, {}, {}, {.rank = 1}, {.rank = 1}, {.rank = 1}, {.rank = 1}, {.rank = 2}});
    const auto shares = [&] {
      std::map<int, int> ranks;
      for (const auto& [target, picks] : spread(*upstream, 10'000))
        ranks[target <= 4 ? 0 : target <= 8 ? 1 : 2] += picks;
      return ranks;
    };
    EXPECT_EQ(shares(), (std::map<int, int>{{0, 10'000}}));
    number(*upstream, 1).note_failure();  // three targets can bear the load of four
    EXPECT_EQ(shares(), (std::map<int, int>{{0, 10'000}}));
    number(*upstream, 2).note_failure();  // two targets bear 0.7 of it
    std::map<int, int> now = shares();
    EXPECT_NEAR(now[0], 7'000, 300) << static_cast<int>(balance);
    EXPECT_NEAR(now[1], 3'000, 300);
    number(*upstream, 3).note_failure();
    number(*upstream, 4).note_failure();
    EXPECT_EQ(shares(), (std::map<int, int>{{1, 10'000}}));
    for (const int one : {5, 6, 7, 8}) number(*upstream, one).note_failure();
    EXPECT_EQ(shares(), (std::map<int, int>{{2, 10'000}}));
    number(*upstream, 9).note_failure();  // no target is available, so unavailable targets are used
    EXPECT_NE(upstream->pick(0), nullptr);
  }
}

TEST_F(BalancerTest, ASubsetHasTheTargetsWithItsMetadata) {
  for (const Balance balance : kAll) {
    auto definition = describe(balance, {{.metadata = {{"tier", "gold"}, {"version", "v1"}}},
                                         {.metadata = {{"version", "v2"}}},
                                         {.metadata = {{"tier", "gold"}, {"version", "v2"}}}});
    definition->subsets = {
        {}, {{"version", "v2"}}, {{"tier", "gold"}, {"version", "v2"}}, {{"version", "v3"}}};
    Upstream upstream(loop, definition, 5);
    const auto members = [&](size_t subset) {
      std::set<int> out;
      for (const auto& [target, picks] : spread(upstream, 1'000, subset)) out.insert(target);
      return out;
    };
    EXPECT_EQ(members(0), (std::set<int>{1, 2, 3}));
    EXPECT_EQ(members(1), (std::set<int>{2, 3}));
    EXPECT_EQ(members(2), (std::set<int>{3}));
    EXPECT_EQ(upstream.pick(3, {}), nullptr);
    const Target& second = *upstream.pick(1, {Upstream::bit_of(*upstream.pick(2, {})), 0});
    EXPECT_EQ(number_of(second), 2);
    EXPECT_EQ(upstream.find(1, second.id(), 0), &second);
    EXPECT_EQ(upstream.find(2, second.id(), 0), nullptr);
    EXPECT_EQ(upstream.find(1, second.id(), Upstream::bit_of(second)), nullptr);
  }
}

TEST_F(BalancerTest, WhoHasBeenTriedIsAvoidedWhileThereAreOthers) {
  for (const Balance balance : kAll) {
    const auto upstream = make(balance, std::vector<Spec>(5));
    for (int i = 0; i < 200; ++i) {
      std::set<int> seen;
      uint64_t tried = 0;
      for (int tries = 0; tries < 5; ++tries) {
        Target& target = *upstream->pick(0, {tried, key(i)});
        tried |= Upstream::bit_of(target);
        seen.insert(number_of(target));
      }
      EXPECT_EQ(seen.size(), 5u) << static_cast<int>(balance);
      EXPECT_NE(upstream->pick(0, {tried, key(i)}), nullptr);
    }
  }
}

}  // namespace
}  // namespace portcullis::upstream
