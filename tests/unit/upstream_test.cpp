#include "upstream/upstream.h"

#include <gtest/gtest.h>

#include <map>

#include "runtime/acceptor.h"

namespace portcullis::upstream {
namespace {

class UpstreamTest : public ::testing::Test {
 protected:
  // Targets on the ports 1, 2, ... with these weights.
  void define(Balance balance, const std::vector<uint32_t>& weights) {
    definition->balance = balance;
    for (size_t i = 0; i < weights.size(); ++i) {
      const std::string address = "127.0.0.1:" + std::to_string(i + 1);
      definition->targets.push_back(
          {.name = address, .place = *SocketAddress::parse(address), .weight = weights[i]});
    }
    upstream = std::make_unique<Upstream>(loop, definition, 42);
  }
  Target& pick(uint64_t tried = 0) {
    Target* target = upstream->pick(tried);
    EXPECT_NE(target, nullptr);
    return *target;
  }
  std::map<std::string, int> count(int picks) {
    std::map<std::string, int> out;
    for (int i = 0; i < picks; ++i) ++out[pick().address().to_string()];
    return out;
  }
  static Addresses addresses(const std::vector<std::string>& texts) {
    Addresses out;
    for (const std::string& text : texts)
      out.push_back(*SocketAddress::parse((text.find(":") < text.size() ? "[" + text + "]" : text) + ":0"));
    return out;
  }

  EventLoop loop;
  std::shared_ptr<UpstreamDefinition> definition = std::make_shared<UpstreamDefinition>();
  std::unique_ptr<Upstream> upstream;
};

TEST_F(UpstreamTest, RoundRobinGivesEachItsWeightEvenlySpread) {
  define(Balance::kRoundRobin, {1, 2, 5});
  std::string last;
  int repeats = 0;
  for (int i = 0; i < 80; ++i) {
    const std::string now = pick().address().to_string();
    repeats += now == last;
    last = now;
  }
  EXPECT_LT(repeats, 25);  // the weight of 5 in 8 makes some unavoidable
  EXPECT_EQ(count(80),
            (std::map<std::string, int>{{"127.0.0.1:1", 10}, {"127.0.0.1:2", 20}, {"127.0.0.1:3", 50}}));
}

TEST_F(UpstreamTest, LeastRequestTakesTheLessLoadedOfTwoByWeight) {
  define(Balance::kLeastRequest, {1, 1, 1, 1});
  for (int i = 0; i < 1000; ++i) ++pick().in_flight;
  // Two choices keep the loads within a few of each other; one choice would differ by tens.
  for (const auto& [address, picks] : count(400)) EXPECT_GT(picks, 0) << address;
  Target* first = upstream->pick(0b1110);
  ASSERT_NE(first, nullptr);
  EXPECT_NEAR(first->in_flight, 250, 5);
  // A loaded target is chosen only when both choices are that target, which is impossible.
  first->in_flight = 100'000;
  EXPECT_EQ(count(400).count(first->address().to_string()), 0u);
}

TEST_F(UpstreamTest, LeastRequestCountsLoadByWeight) {
  define(Balance::kLeastRequest, {1, 3});
  for (int i = 0; i < 400; ++i) ++pick().in_flight;
  EXPECT_NEAR(upstream->pick(0b10)->in_flight, 100, 2);
  EXPECT_NEAR(upstream->pick(0b01)->in_flight, 300, 2);
}

TEST_F(UpstreamTest, FailuresInARowEjectForAWhile) {
  definition->ejection.ejection = Milliseconds(30);
  define(Balance::kRoundRobin, {1, 1});
  Target& bad = pick(0b10);
  bad.note_failure();
  bad.note_failure();
  bad.note_success({});  // the failures are not consecutive
  bad.note_failure();
  bad.note_failure();
  EXPECT_TRUE(bad.available());
  bad.note_failure();
  EXPECT_FALSE(bad.available());
  EXPECT_EQ(count(10), (std::map<std::string, int>{{"127.0.0.1:2", 10}}));
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(10);
  while (!bad.available() && Clock::now() < deadline) loop.run_once(Milliseconds(5));
  EXPECT_EQ(count(10).size(), 2u);
}

TEST_F(UpstreamTest, WhenAllAreEjectedOneIsTriedAllTheSame) {
  definition->ejection.max_ejected = 100;
  define(Balance::kLeastRequest, {1, 1});
  for (const uint64_t other : {0b10, 0b01}) {
    for (int i = 0; i < 3; ++i) upstream->pick(other)->note_failure();
  }
  EXPECT_EQ(count(100).size(), 2u);
  EXPECT_EQ(pick(0b01).address().port(), 2);
}

TEST_F(UpstreamTest, ADrainedTargetIsNeverChosen) {
  for (const Balance balance : {Balance::kRoundRobin, Balance::kLeastRequest, Balance::kRandom,
                                Balance::kPeakEwma, Balance::kRingHash, Balance::kMaglev}) {
    upstream.reset();
    definition->targets.clear();
    definition->health = std::make_shared<UpstreamHealth>();
    define(balance, {1, 1});
    EXPECT_TRUE(definition->health->set_drained("127.0.0.1:1", true, loop.now()));
    EXPECT_EQ(count(50), (std::map<std::string, int>{{"127.0.0.1:2", 50}}));
    EXPECT_EQ(pick(0b10).address().port(), 2);  // even when all other targets have been tried
    // An unavailable target may still work, while without it an error is certain; a drained target is never
    // used.
    for (int i = 0; i < 3; ++i) pick().note_failure();
    EXPECT_EQ(count(50), (std::map<std::string, int>{{"127.0.0.1:2", 50}}));
    EXPECT_TRUE(definition->health->set_drained("127.0.0.1:2", true, loop.now()));
    EXPECT_EQ(upstream->pick(0), nullptr);
    EXPECT_TRUE(definition->health->set_drained("127.0.0.1:1", false, loop.now()));
    EXPECT_EQ(count(50), (std::map<std::string, int>{{"127.0.0.1:1", 50}}));
    EXPECT_FALSE(definition->health->set_drained("127.0.0.1:3", true, loop.now()));
  }
}

TEST_F(UpstreamTest, AnEjectionSaysWhyAndCanBeEnded) {
  define(Balance::kRoundRobin, {1, 1});
  Target& bad = pick(0b10);
  for (int i = 0; i < 3; ++i) bad.note_failure();
  const auto state = [&] {
    std::vector<telemetry::TargetState> out;
    definition->health->append_states("orders", loop.now(), out);
    return out.front();
  };
  EXPECT_TRUE(state().ejected);
  EXPECT_EQ(state().why, "3 requests in a row failed");
  EXPECT_GT(state().ejected_for, Milliseconds(5'000));
  EXPECT_TRUE(definition->health->resume("127.0.0.1:1", loop.now()));
  EXPECT_FALSE(state().ejected);
  EXPECT_EQ(state().why, "");
  EXPECT_TRUE(bad.available());
  EXPECT_FALSE(definition->health->resume("127.0.0.1:9", loop.now()));
}

TEST_F(UpstreamTest, ATriedTargetIsTakenOnlyWhenNoOtherIsLeft) {
  define(Balance::kRoundRobin, {1, 1, 1});
  EXPECT_EQ(pick(0b101).address().port(), 2);
  EXPECT_NO_FATAL_FAILURE(pick(0b111));
}

TEST_F(UpstreamTest, ANameStandsForItsAddressesAndKeepsThoseThatStay) {
  definition->targets.push_back(
      {.name = "orders.test:80", .place = HostPort{"orders.test", 80}, .weight = 2});
  define(Balance::kRoundRobin, {1});  // next to a target with a plain address
  EXPECT_EQ(upstream->target_count(), 1u);
  upstream->set_addresses("other.test", addresses({"10.0.0.9"}));
  EXPECT_EQ(upstream->target_count(), 1u);
  upstream->set_addresses("orders.test", addresses({"10.0.0.1", "::1"}));
  EXPECT_EQ(count(50),
            (std::map<std::string, int>{{"127.0.0.1:1", 10}, {"10.0.0.1:80", 20}, {"[::1]:80", 20}}));
  const auto target_at = [&](const std::string& address) -> Target* {
    for (uint64_t bit = 0; bit < upstream->target_count(); ++bit) {
      Target* target = upstream->pick(~(uint64_t{1} << bit));
      if (target->address().to_string() == address) return target;
    }
    return nullptr;
  };
  Target* stays = target_at("[::1]:80");
  Target* goes = target_at("10.0.0.1:80");
  ASSERT_TRUE(stays != nullptr && goes != nullptr);
  stays->in_flight = 7;
  goes->in_flight = 1;  // an exchange uses the target, so it must stay valid
  upstream->set_addresses("orders.test", addresses({"10.0.0.2", "::1"}));
  EXPECT_EQ(target_at("[::1]:80"), stays);
  EXPECT_EQ(stays->in_flight, 7u);
  EXPECT_EQ(goes->address().to_string(), "10.0.0.1:80");
  EXPECT_EQ(target_at("10.0.0.1:80"), nullptr);
  goes->in_flight = 0;
  upstream->set_addresses("orders.test", {});
  EXPECT_EQ(upstream->target_count(), 1u);
}

TEST_F(UpstreamTest, WithoutAnAddressThereIsNoTarget) {
  definition->targets.push_back({.name = "orders.test:80", .place = HostPort{"orders.test", 80}});
  upstream = std::make_unique<Upstream>(loop, definition, 1);
  EXPECT_EQ(upstream->pick(0), nullptr);
}

}  // namespace
}  // namespace portcullis::upstream
