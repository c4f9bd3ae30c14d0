#include "proxy/address_counts.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace portcullis::proxy {
namespace {

IpAddress address(const std::string& text) {
  return *IpAddress::parse(text);
}

TEST(AddressCounts, CountsUpToTheLimitAndBack) {
  const auto counts = std::make_unique<AddressCounts>();
  const AddressCounts::Place one = counts->place_of(address("192.0.2.1"));
  EXPECT_TRUE(counts->add(one, 2));
  EXPECT_TRUE(counts->add(one, 2));
  EXPECT_FALSE(counts->add(one, 2));
  counts->remove(one);
  EXPECT_TRUE(counts->add(one, 2));
}

TEST(AddressCounts, TellsAddressesApart) {
  const auto counts = std::make_unique<AddressCounts>();
  const AddressCounts::Place busy = counts->place_of(address("192.0.2.1"));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(counts->add(busy, 10));
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto other = address("198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    refused += !counts->add(counts->place_of(other), 10);
  }
  EXPECT_EQ(refused, 0);
}

TEST(AddressCounts, CountsIpv6ByItsSubscriber) {
  const auto counts = std::make_unique<AddressCounts>();
  EXPECT_TRUE(counts->add(counts->place_of(address("2001:db8::1")), 1));
  EXPECT_FALSE(counts->add(counts->place_of(address("2001:db8::2")), 1));
  EXPECT_TRUE(counts->add(counts->place_of(address("2001:db8:0:1::1")), 1));
}

}  // namespace
}  // namespace portcullis::proxy
