// Which exchanges a canary takes.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/hash.h"
#include "proxy/canary.h"

namespace portcullis::proxy {
namespace {

constexpr int kKeys = 100'000;

CanaryChoice choice_of(uint32_t of_10_000, uint64_t revision = 7, const std::string& by = "client") {
  return CanaryChoice(revision, {.share = {of_10_000}, .by = by});
}

std::string key(int i) {
  return "192.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
}

int taken(const CanaryChoice& choice) {
  int out = 0;
  for (int i = 0; i < kKeys; ++i) out += choice.takes(key(i)) ? 1 : 0;
  return out;
}

TEST(CanaryChoiceTest, TakesItsShareOfTheKeys) {
  EXPECT_EQ(taken(choice_of(0)), 0);
  EXPECT_EQ(taken(choice_of(10'000)), kKeys);
  for (const uint32_t share : {10u, 500u, 2'500u, 5'000u, 9'000u}) {
    const double part = share / 10'000.0;
    const double deviation = std::sqrt(kKeys * part * (1 - part));
    EXPECT_NEAR(taken(choice_of(share)), kKeys * part, 4.5 * deviation) << share;
  }
}

TEST(CanaryChoiceTest, IsTheSameInEveryProcess) {
  const CanaryChoice one = choice_of(5'000), other = choice_of(5'000);
  std::string sides;
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(one.takes(key(i)), other.takes(key(i)));
    sides += one.takes(key(i)) ? '1' : '0';
  }
  // What nodes of other versions and machines choose.
  EXPECT_EQ(sides, "1111011100001010101000101010011000111010");
}

TEST(CanaryChoiceTest, ALargerShareKeepsTheKeysOfASmallerOne) {
  const CanaryChoice small = choice_of(500), large = choice_of(2'000);
  for (int i = 0; i < kKeys; ++i) EXPECT_TRUE(!small.takes(key(i)) || large.takes(key(i)));
}

TEST(CanaryChoiceTest, DoesNotDependOnOtherCanariesAndSplits) {
  const CanaryChoice one = choice_of(5'000, 7), other = choice_of(5'000, 8);
  int both = 0, with_split = 0;
  for (int i = 0; i < kKeys; ++i) {
    both += one.takes(key(i)) && other.takes(key(i)) ? 1 : 0;
    with_split += one.takes(key(i)) && (hash_bytes(key(i)) >> 63) == 1 ? 1 : 0;
  }
  EXPECT_NEAR(both, kKeys / 4, 600);
  EXPECT_NEAR(with_split, kKeys / 4, 600);
}

TEST(CanaryChoiceTest, AnEmptyKeyGetsTheBase) {
  EXPECT_FALSE(choice_of(10'000).takes(""));
}

TEST(CanaryChoiceTest, OnlyAKeyThatTheHeadDoesNotHaveNeedsTheBase) {
  EXPECT_FALSE(choice_of(1, 7, "client").needs_base());
  EXPECT_FALSE(choice_of(1, 7, "{request.header.x-user}").needs_base());
  EXPECT_FALSE(choice_of(1, 7, "{request.path}{cookie.id}").needs_base());
  EXPECT_TRUE(choice_of(1, 7, "consumer").needs_base());
  EXPECT_TRUE(choice_of(1, 7, "{claim.sub}").needs_base());
  EXPECT_TRUE(choice_of(1, 7, "{path.id}").needs_base());
  EXPECT_TRUE(choice_of(1, 7, "{route.name}").needs_base());
}

}  // namespace
}  // namespace portcullis::proxy
