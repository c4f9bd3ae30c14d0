#include "runtime/timer_wheel.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace portcullis {
namespace {

struct Recorder final : Timer {
  void fire() override { ++fired; }
  uint64_t due = 0;
  int fired = 0;
};

TEST(TimerWheel, FiresEachTimerOnceAtItsTickAndNotBefore) {
  std::mt19937_64 random(7);
  TimerWheel wheel(1000);
  std::vector<std::unique_ptr<Recorder>> timers;
  for (int i = 0; i < 2000; ++i) {
    timers.push_back(std::make_unique<Recorder>());
    timers.back()->due = 1001 + random() % (i % 2 ? 300 : 300'000);
    wheel.arm(*timers.back(), timers.back()->due);
  }
  for (uint64_t now = 1000; now < 302'000;) {
    now += 1 + random() % 997;
    wheel.advance(now);
    for (const auto& timer : timers)
      ASSERT_EQ(timer->fired, timer->due <= now ? 1 : 0) << timer->due << " at " << now;
  }
}

TEST(TimerWheel, NeverAsksToBeAdvancedLaterThanTheNextTimer) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 500; ++round) {
    const uint64_t now = random() % 1'000'000;
    TimerWheel wheel(now);
    Recorder timer;
    const uint64_t due = now + 1 + random() % 500'000;
    wheel.arm(timer, due);
    EXPECT_LE(wheel.ticks_until_next(1u << 30), due - now);
  }
}

TEST(TimerWheel, CancelledTimersDoNotFire) {
  TimerWheel wheel(0);
  Recorder timer;
  wheel.arm(timer, 10);
  timer.unlink();
  wheel.advance(100);
  EXPECT_EQ(timer.fired, 0);
  EXPECT_EQ(wheel.ticks_until_next(5000), 5000u);
}

TEST(TimerWheel, KeepsTimersBeyondItsHorizon) {
  TimerWheel wheel(0);
  Recorder timer;
  const uint64_t due = uint64_t{3} << 30;
  wheel.arm(timer, due);
  wheel.advance(due - 1);
  EXPECT_EQ(timer.fired, 0);
  wheel.advance(due);
  EXPECT_EQ(timer.fired, 1);
}

}  // namespace
}  // namespace portcullis
