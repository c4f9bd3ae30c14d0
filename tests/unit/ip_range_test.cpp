#include "runtime/ip_range.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace portcullis
