#include "runtime/ip_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "runtime/ip_set.h"

namespace portcullis {
namespace {

bool contains(std::string_view range, std::string_view address) {
  const auto parsed = IpRange::parse(range);
  const auto ip = IpAddress::parse(address);
  EXPECT_TRUE(parsed && ip) << range << " " << address;
  return parsed && ip && parsed->contains(*ip);
}

TEST(IpRange, HoldsExactlyItsBlock) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.255"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(IpRange, TreatsMappedAddressesAsIPv4) {
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(contains("0.0.0.0/0", "198.51.100.1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
}

TEST(IpRange, RefusesWhatIsNoBlock) {
  for (const char* text :
       {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.1/8", "::/129", "a", "1.2.3.4/x"})
    EXPECT_FALSE(IpRange::parse(text)) << text;
}

// Compares a set with a search through its blocks.
TEST(IpSet, HoldsExactlyItsBlocks) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<IpRange> ranges;
    const auto octet = [&] { return std::to_string(random() % 4 * 60); };
    for (unsigned i = 0; i < random() % 30; ++i) {
      const unsigned bits = random() % 4 * 8 + 8;
      std::string v4 = octet(), v6 = "2001:db8:" + octet();
      for (unsigned at = 8; at < 32; at += 8) v4 += at < bits ? "." + octet() : ".0";
      ranges.push_back(*IpRange::parse(v4 + "/" + std::to_string(bits)));
      if (i % 3 == 0) ranges.push_back(*IpRange::parse(v6 + "::/48"));
    }
    if (round % 50 == 49) ranges.push_back(*IpRange::parse("::/0"));
    if (round % 50 == 48) ranges.push_back(*IpRange::parse("0.0.0.0/0"));
    const IpSet set(ranges);
    for (int i = 0; i < 300; ++i) {
      const std::string text = i % 3 == 0 ? "2001:db8:" + octet() + "::" + octet()
                                          : octet() + "." + octet() + "." + octet() + "." + octet();
      const IpAddress address = *IpAddress::parse(text);
      const bool expected = std::any_of(ranges.begin(), ranges.end(),
                                        [&](const IpRange& range) { return range.contains(address); });
      ASSERT_EQ(set.contains(address), expected) << text;
    }
    for (const IpRange& range : ranges) {
      ASSERT_TRUE(set.contains(range.first()));
      ASSERT_TRUE(set.contains(range.last()));
    }
  }
  EXPECT_FALSE(IpSet().contains(*IpAddress::parse("127.0.0.1")));
}

}  // namespace
}  // namespace portcullis
