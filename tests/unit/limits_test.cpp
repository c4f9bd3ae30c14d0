#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "limits/local_limits.h"

namespace portcullis::limits {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

const Clock::time_point kStart = Clock::now();

CounterKey stranger(uint64_t hash) {
  return {CounterSpace::kStrangers, hash};
}

// A race that loses one update in a million is detected in most runs.
TEST(CellTableTest, KeepsWhatItIsGivenByManyThreads) {
  const auto weigh = [](uint64_t payload) { return payload; };
  constexpr uint64_t kKeys = 20'000;
  constexpr uint64_t kThreads = 4, kRounds = 60;
  const auto hash_of = [](uint64_t round, uint64_t key) {
    return (round * kKeys + key + 1) * 0x9E3779B97F4A7C15ull;
  };
  for (uint64_t round = 0; round < kRounds; ++round) {
    CellTable table(1 << 20);
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        // All threads use every key once at nearly the same time, so that cells are created concurrently.
        for (uint64_t i = 0; i < kKeys; ++i)
          table.update(
              hash_of(round, (i * 7919 + t * 3) % kKeys), [](uint64_t old) { return std::optional(old + 1); },
              weigh);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (uint64_t key = 0; key < kKeys; ++key)
      ASSERT_EQ(table.peek(hash_of(round, key)), kThreads) << round << ", " << key;
    EXPECT_EQ(table.evictions(), 0u);
  }
}

TEST(CellTableTest, GivesUpHardlyAnythingBeforeItIsNearlyFull) {
  CellTable table(1 << 20);
  std::mt19937_64 random(1);
  for (size_t i = 0; i < table.capacity() * 7 / 10; ++i)
    table.update(
        random(), [](uint64_t) { return std::optional<uint64_t>(1); },
        [](uint64_t payload) { return payload; });
  EXPECT_LT(table.evictions(), table.capacity() / 200);
}

// Compares the token bucket with a simple implementation.
TEST(LocalLimitsTest, TheTokenBucketAgreesWithItsDefinition) {
  LocalLimits limits(1 << 20);
  const Limit limit(Algorithm::kTokenBucket, 10, milliseconds(1000), 5);
  std::mt19937 random(7);
  double tokens = 5;
  Clock::time_point now = kStart, before = now;
  int differences = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += microseconds(random() % 200'000);
    tokens = std::min(5.0, tokens + std::chrono::duration<double>(now - before).count() * 10);
    before = now;
    const uint64_t cost = 1 + random() % 3;
    const Verdict verdict = limits.charge(limit, stranger(42), cost, now);
    const bool expected = tokens >= static_cast<double>(cost);
    // Where the two sums differ by a rounding error, either result is correct.
    if (std::abs(tokens - static_cast<double>(cost)) > 1e-4) {
      differences += verdict.allowed != expected;
    }
    if (verdict.allowed) tokens -= static_cast<double>(cost);
    if (verdict.allowed) {
      EXPECT_NEAR(static_cast<double>(verdict.remaining), std::floor(tokens + 1e-4), 1.0);
    }
  }
  EXPECT_EQ(differences, 0);
}

TEST(LocalLimitsTest, ARefusedOneIsTakenAfterTheTimeItIsTold) {
  for (const Algorithm algorithm : {Algorithm::kTokenBucket, Algorithm::kSlidingWindow}) {
    LocalLimits limits(1 << 20);
    const Limit limit(algorithm, 7, milliseconds(10'000), 7);
    std::mt19937 random(3);
    Clock::time_point now = kStart;
    int refused = 0;
    for (int i = 0; i < 2'000; ++i) {
      now += milliseconds(random() % 800);
      const Verdict verdict = limits.charge(limit, stranger(1), 1, now);
      if (verdict.allowed) continue;
      ++refused;
      ASSERT_GT(verdict.retry_after, microseconds(0));
      if (algorithm == Algorithm::kTokenBucket && verdict.retry_after > milliseconds(1)) {
        EXPECT_FALSE(
            limits.charge(limit, stranger(1), 1, now + verdict.retry_after - milliseconds(1)).allowed);
      }
      if (algorithm == Algorithm::kTokenBucket) {
        now += verdict.retry_after + microseconds(1);
        EXPECT_TRUE(limits.charge(limit, stranger(1), 1, now).allowed);
      }
    }
    EXPECT_GT(refused, 100);
  }
}

TEST(LocalLimitsTest, ASlidingWindowNeverLetsMoreInThanTwoWholeWindowsCount) {
  LocalLimits limits(1 << 20);
  const Limit limit(Algorithm::kSlidingWindow, 100, milliseconds(1000), 0);
  std::mt19937 random(5);
  std::map<int64_t, int> admitted;  // by millisecond
  for (int64_t ms = 0; ms < 20'000; ++ms) {
    for (unsigned i = 0; i < random() % 3; ++i)
      admitted[ms] += limits.charge(limit, stranger(9), 1, kStart + milliseconds(ms)).allowed;
  }
  // Checks every window of one second. The weighting assumes an even flow, which this flow is.
  for (int64_t begin = 1'000; begin < 19'000; begin += 37) {
    int sum = 0;
    for (auto at = admitted.lower_bound(begin); at != admitted.end() && at->first < begin + 1'000; ++at)
      sum += at->second;
    EXPECT_LE(sum, 110) << begin;
    EXPECT_GE(sum, 85) << begin;
  }
}

TEST(LocalLimitsTest, ARefundUndoesACharge) {
  for (const Algorithm algorithm : {Algorithm::kTokenBucket, Algorithm::kSlidingWindow}) {
    LocalLimits limits(1 << 20);
    const Limit limit(algorithm, 5, milliseconds(3'600'000), 5);
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(limits.charge(limit, stranger(3), 2, kStart).allowed);
      limits.refund(limit, stranger(3), 2, kStart);
    }
    limits.force(limit, stranger(3), 20, kStart);
    EXPECT_FALSE(limits.charge(limit, stranger(3), 0, kStart).allowed);
  }
}

// Ten million keys in a table for half a million: the memory is constant, and counters far beyond their limit
// stay.
TEST(LocalLimitsTest, AFloodOfKeysDoesNotClearTheAccountsOfThoseOverTheirLimit) {
#ifdef PORTCULLIS_SANITIZED
  LocalLimits limits(1 << 20);
#else
  LocalLimits limits(16 << 20);
#endif
  const Limit limit(Algorithm::kTokenBucket, 10, milliseconds(3'600'000), 10);
  constexpr uint64_t kAttackers = 500;
  const auto key = [&](uint64_t number) { return stranger(limits.hash_key(1, std::to_string(number))); };
  for (uint64_t i = 0; i < kAttackers; ++i) {
    for (int n = 0; n < 10; ++n) ASSERT_TRUE(limits.charge(limit, key(i), 1, kStart).allowed);
  }
#ifdef PORTCULLIS_SANITIZED
  constexpr uint64_t kFlood = 200'000;
#else
  constexpr uint64_t kFlood = 10'000'000;
#endif
  for (uint64_t i = 0; i < kFlood; ++i) limits.charge(limit, key(1'000'000 + i), 1, kStart);
  EXPECT_GT(limits.evictions(CounterSpace::kStrangers),
            kFlood / 2 - limits.capacity(CounterSpace::kStrangers));
  uint64_t forgotten = 0;
  for (uint64_t i = 0; i < kAttackers; ++i) forgotten += limits.charge(limit, key(i), 1, kStart).allowed;
  EXPECT_EQ(forgotten, 0u);
}

// A limit with long periods has heavier counters than one with short periods, and more keys; still it evicts
// only its own counters.
TEST(LocalLimitsTest, AFloodOfOneLimitLeavesTheCountersOfAnotherAlone) {
  for (const Algorithm algorithm : {Algorithm::kTokenBucket, Algorithm::kSlidingWindow}) {
    LocalLimits limits(64 << 10);
    const Limit shorter(algorithm, 3, milliseconds(60'000), 3);
    const Limit longer(algorithm, 1000, milliseconds(3'600'000), 1000);
    const uint64_t of_shorter = limits.scope_of_limit("shorter"), of_longer = limits.scope_of_limit("longer");
    constexpr uint64_t kExhausted = 50;
    const auto key = [&](uint64_t scope, uint64_t i) {
      return stranger(limits.hash_key(scope, std::to_string(i)));
    };
    for (uint64_t i = 0; i < kExhausted; ++i)
      EXPECT_TRUE(limits.charge(shorter, key(of_shorter, i), 3, kStart).allowed);
    for (uint64_t i = 0; i < 50'000; ++i) limits.charge(longer, key(of_longer, i), 900, kStart);
    EXPECT_GT(limits.evictions(CounterSpace::kStrangers), 10'000u);
    for (uint64_t i = 0; i < kExhausted; ++i)
      EXPECT_FALSE(limits.charge(shorter, key(of_shorter, i), 1, kStart).allowed) << i;
  }
}

TEST(LocalLimitsTest, ASpaceIsNotFilledByAnother) {
  LocalLimits limits(64 << 10);
  constexpr uint64_t kNonces = 100;  // so few that two of them rarely share a bucket
  const Limit limit(Algorithm::kTokenBucket, 1, milliseconds(60'000), 1);
  for (uint64_t i = 0; i < kNonces; ++i)
    limits.charge(limit, {CounterSpace::kNonces, limits.hash_key(0, std::to_string(i))}, 1, kStart);
  for (uint64_t i = 0; i < 50'000; ++i)
    limits.charge(limit, stranger(limits.hash_key(0, std::to_string(i))), 1, kStart);
  for (uint64_t i = 0; i < kNonces; ++i) {
    const CounterKey nonce{CounterSpace::kNonces, limits.hash_key(0, std::to_string(i))};
    EXPECT_FALSE(limits.charge(limit, nonce, 1, kStart).allowed);
  }
  EXPECT_EQ(limits.evictions(CounterSpace::kNonces), 0u);
  EXPECT_EQ(limits.evictions(CounterSpace::kCallers), 0u);
}

TEST(LocalLimitsTest, AScopeIsTheSameForTheSameName) {
  LocalLimits limits(64 << 10);
  const uint64_t one = limits.scope_of_limit("one"), two = limits.scope_of_limit("two");
  EXPECT_EQ(limits.scope_of_limit("one"), one);
  EXPECT_NE(one & CellTable::kKindMask, two & CellTable::kKindMask);
  EXPECT_EQ(limits.hash_key(one, "key") & CellTable::kKindMask, one & CellTable::kKindMask);
}

TEST(LocalLimitsTest, ALookSaysWhatAChargeWouldAndTakesNothing) {
  LocalLimits limits(1 << 20);
  for (const Algorithm algorithm : {Algorithm::kTokenBucket, Algorithm::kSlidingWindow}) {
    const Limit limit(algorithm, 10, milliseconds(1000), 5);
    std::mt19937 random(7);
    Clock::time_point now = kStart;
    for (int i = 0; i < 2000; ++i) {
      now += microseconds(random() % 200'000);
      const CounterKey key = stranger(random() % 3);
      const uint64_t cost = random() % 3;
      const Verdict seen = limits.look(limit, key, cost, now);
      const Verdict again = limits.look(limit, key, cost, now);
      const Verdict charged = limits.charge(limit, key, cost, now);
      ASSERT_EQ(seen.allowed, charged.allowed);
      ASSERT_EQ(seen.remaining, charged.remaining);
      ASSERT_EQ(seen.reset, charged.reset);
      ASSERT_EQ(seen.retry_after, charged.retry_after);
      ASSERT_EQ(again.remaining, seen.remaining);
    }
  }
}

}  // namespace
}  // namespace portcullis::limits
