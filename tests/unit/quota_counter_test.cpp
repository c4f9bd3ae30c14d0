#include <gtest/gtest.h>

#include "limits/quota_book.h"

namespace portcullis::limits {
namespace {

CalendarWindow hour(int64_t number) {
  const std::chrono::sys_seconds begin{std::chrono::hours(number)};
  return {begin, begin + std::chrono::hours(1)};
}

TEST(QuotaCounterTest, WhatGoesOverTheLimitIsNotCharged) {
  QuotaCounter counter;
  EXPECT_TRUE(counter.charge(hour(500'000), 5, 3).allowed);
  const QuotaCounter::Outcome refused = counter.charge(hour(500'000), 5, 3);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.used, 3u);
  EXPECT_TRUE(counter.charge(hour(500'000), 5, 2).allowed);
  EXPECT_EQ(counter.used(hour(500'000)), 5u);
}

TEST(QuotaCounterTest, ALookSaysWhatAChargeWouldAndAddsNothing) {
  QuotaCounter counter;
  for (const uint64_t cost : {3, 3, 2, 1}) {
    const QuotaCounter::Outcome seen = counter.look(hour(500'000), 5, cost);
    const QuotaCounter::Outcome charged = counter.charge(hour(500'000), 5, cost);
    EXPECT_EQ(seen.allowed, charged.allowed);
    EXPECT_EQ(seen.used, charged.used);
  }
}

TEST(QuotaCounterTest, AnotherWindowBeginsWithNothingUsed) {
  QuotaCounter counter;
  counter.charge(hour(500'000), 5, 5);
  EXPECT_FALSE(counter.charge(hour(500'000), 5, 1).allowed);
  EXPECT_EQ(counter.used(hour(500'001)), 0u);
  const QuotaCounter::Outcome next = counter.charge(hour(500'001), 5, 1);
  EXPECT_TRUE(next.allowed);
  EXPECT_EQ(next.used, 1u);
}

TEST(QuotaCounterTest, WindowsThatTheClockHasLeftAreFoundAgain) {
  QuotaCounter counter;
  EXPECT_TRUE(counter.charge(hour(500'000), 3, 3).allowed);
  EXPECT_TRUE(counter.charge(hour(509'600), 3, 2).allowed);  // 400 days later
  EXPECT_FALSE(counter.charge(hour(500'000), 3, 1).allowed);
  EXPECT_EQ(counter.used(hour(500'000)), 3u);
  EXPECT_TRUE(counter.charge(hour(500'001), 3, 1).allowed);
  EXPECT_EQ(counter.used(hour(509'600)), 2u);
  EXPECT_TRUE(counter.charge(hour(509'600), 3, 1).allowed);
  EXPECT_FALSE(counter.charge(hour(509'600), 3, 1).allowed);
}

TEST(QuotaCounterTest, TheEarliestWindowIsForgottenFirst) {
  QuotaCounter counter;
  for (int64_t i = 0; i < 5; ++i) EXPECT_TRUE(counter.charge(hour(500'000 + i), 9, 1).allowed);
  EXPECT_EQ(counter.used(hour(500'000)), 0u);
  for (int64_t i = 1; i < 5; ++i) EXPECT_EQ(counter.used(hour(500'000 + i)), 1u);
}

}  // namespace
}  // namespace portcullis::limits
