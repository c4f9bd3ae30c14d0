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

TEST(QuotaCounterTest, AnotherWindowBeginsWithNothingUsed) {
  QuotaCounter counter;
  counter.charge(hour(500'000), 5, 5);
  EXPECT_FALSE(counter.charge(hour(500'000), 5, 1).allowed);
  EXPECT_EQ(counter.used(hour(500'001)), 0u);
  const QuotaCounter::Outcome next = counter.charge(hour(500'001), 5, 1);
  EXPECT_TRUE(next.allowed);
  EXPECT_EQ(next.used, 1u);
  EXPECT_EQ(counter.used(hour(500'000)), 0u);
}

}  // namespace
}  // namespace portcullis::limits
