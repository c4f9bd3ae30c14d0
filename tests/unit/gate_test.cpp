#include "limits/gate.h"

#include <gtest/gtest.h>

#include <thread>

namespace portcullis::limits {
namespace {

using std::chrono::microseconds;

TEST(GateTest, LetsInAsManyAsItsLimit) {
  Gate gate;
  gate.set_limit({3});
  EXPECT_TRUE(gate.try_enter() && gate.try_enter() && gate.try_enter());
  EXPECT_FALSE(gate.try_enter());
  gate.leave();
  EXPECT_TRUE(gate.try_enter());
  gate.set_limit({2});  // requests inside stay inside
  EXPECT_EQ(gate.inside(), 3u);
  gate.leave();
  EXPECT_FALSE(gate.try_enter());
}

TEST(GateTest, IsExactWhateverTheThreads) {
  Gate gate;
  gate.set_limit({5});
  std::atomic<int> inside{0}, max{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (!gate.try_enter()) continue;
        const int now = ++inside;
        int seen = max.load();
        while (now > seen && !max.compare_exchange_weak(seen, now)) {
        }
        --inside;
        gate.leave();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(max, 5);
  EXPECT_EQ(gate.inside(), 0u);
}

// Fills the gate, and lets each request take as long as `latency` returns for the number inside.
template <typename Latency>
void serve(Gate& gate, int rounds, Latency latency) {
  for (int round = 0; round < rounds; ++round) {
    uint32_t inside = 0;
    while (gate.try_enter()) ++inside;
    for (uint32_t i = 0; i < inside; ++i) {
      gate.note_latency(microseconds(latency(inside)), Clock::now());
      gate.leave();
    }
  }
}

TEST(GateTest, AnAdaptiveLimitGrowsWhileTheLatencyStays) {
  Gate gate;
  gate.set_limit({200, 5, 1.5});
  const uint32_t before = gate.limit();
  serve(gate, 300, [](uint32_t) { return 1'000; });
  EXPECT_GT(gate.limit(), before + 50);
  EXPECT_LE(gate.limit(), 200u);
}

TEST(GateTest, AnAdaptiveLimitFallsWhereTheBackendQueues) {
  Gate gate;
  gate.set_limit({200, 5, 1.5});
  serve(gate, 50, [](uint32_t) { return 1'000; });
  // A backend that serves ten requests at once; further ones wait.
  serve(gate, 500, [](uint32_t inside) { return 1'000 * std::max<uint32_t>(1, (inside + 9) / 10); });
  EXPECT_LT(gate.limit(), 60u);
  EXPECT_GE(gate.limit(), 5u);
}

TEST(GateTest, AnAdaptiveLimitLearnsWhatIsUsualThoughTheBackendIsOverloadedFromTheBeginning) {
  Gate gate;
  gate.set_limit({200, 5, 1.5});
  serve(gate, 500, [](uint32_t inside) { return 1'000 * std::max<uint32_t>(1, (inside + 9) / 10); });
  EXPECT_LT(gate.limit(), 60u);
  EXPECT_GE(gate.limit(), 5u);
}

TEST(GateTest, AnAdaptiveLimitThatNobodyReachesStays) {
  Gate gate;
  gate.set_limit({200, 5, 1.5});
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(gate.try_enter());
    gate.note_latency(microseconds(1'000), Clock::now());
    gate.leave();
  }
  EXPECT_EQ(gate.limit(), 5u);
}

TEST(GateTest, GatesAreFoundByNameWhileSomebodyHoldsThem) {
  Gates gates;
  const auto one = gates.get("one", {2});
  EXPECT_EQ(gates.get("one", {2}), one);
  EXPECT_NE(gates.get("two", {2}), one);
  ASSERT_TRUE(one->try_enter());
  EXPECT_EQ(gates.get("one", {2})->inside(), 1u);
  for (int i = 0; i < 10'000; ++i) (void)gates.get("fleeting-" + std::to_string(i), {1});
}

}  // namespace
}  // namespace portcullis::limits
