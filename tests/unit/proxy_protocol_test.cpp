#include "proxy/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace portcullis::proxy {
namespace {

using namespace std::string_literals;
using upstream::ProxyProtocol;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

ProxyHeaderState parse(const std::string& text, ProxyHeader& out) {
  return parse_proxy_header(text, out);
}

ProxyHeaderState state_of(const std::string& text) {
  ProxyHeader out;
  return parse_proxy_header(text, out);
}

Endpoint at(const char* address, uint16_t port) {
  return {*IpAddress::parse(address), port};
}

std::string binary(char command, char family, const std::string& content) {
  return kSignature + command + family + static_cast<char>(content.size() >> 8) +
         static_cast<char>(content.size() & 0xFF) + content;
}

TEST(ProxyProtocolTest, LinesOfText) {
  ProxyHeader header;
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";
  ASSERT_EQ(parse(line + "GET / HTTP/1.1\r\n", header), ProxyHeaderState::kDone);
  EXPECT_EQ(header.size, line.size());
  EXPECT_EQ(header.source, at("192.0.2.1", 56324));
  ASSERT_EQ(parse("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", header), ProxyHeaderState::kDone);
  EXPECT_EQ(header.source, at("2001:db8::1", 0));
  ASSERT_EQ(parse("PROXY UNKNOWN\r\n", header), ProxyHeaderState::kDone);
  EXPECT_FALSE(header.source);
  ASSERT_EQ(parse("PROXY UNKNOWN 1 2 3 4 anything\r\nx", header), ProxyHeaderState::kDone);
  EXPECT_EQ(header.size, 32u);
}

TEST(ProxyProtocolTest, WhatIsNoLine) {
  for (const char* text :
       {"GET / HTTP/1.1\r\n", "PROXY\tTCP4", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 1 2 \r\n", "PROXY TCP4  192.0.2.1 198.51.100.7 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 01 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 1 2 3\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 2\r\n", "PROXY TCP4 192.0.2.1 nowhere 1 2\r\n",
        "PROXY UDP4 1.1.1.1 1.1.1.1 1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 -1 2\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.7 1 2\r\n"})
    EXPECT_EQ(state_of(text), ProxyHeaderState::kMalformed) << text;
  EXPECT_EQ(state_of("PROXY TCP4 " + std::string(96, '1')), ProxyHeaderState::kMalformed);
}

TEST(ProxyProtocolTest, BinaryHeaders) {
  ProxyHeader header;
  const std::string v4 = "\xC0\x00\x02\x01\xC6\x33\x64\x07\xDC\x04\x01\xBB"s;
  ASSERT_EQ(parse(binary(0x21, 0x11, v4) + "rest", header), ProxyHeaderState::kDone);
  EXPECT_EQ(header.size, 28u);
  EXPECT_EQ(header.source, at("192.0.2.1", 56324));
  EXPECT_FALSE(header.by_tls);
  const std::string tls = "\x04\x00\x01!\x20\x00\x05\x01\0\0\0\0"s;
  ASSERT_EQ(parse(binary(0x21, 0x11, v4 + tls), header), ProxyHeaderState::kDone);
  EXPECT_TRUE(header.by_tls);
  const std::string v6 =
      "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" + std::string(16, '\0') + "\0\x50\0\x51"s;
  ASSERT_EQ(parse(binary(0x21, 0x21, v6), header), ProxyHeaderState::kDone);
  EXPECT_EQ(header.source, at("2001:db8::1", 80));
  for (const std::string& without : {binary(0x20, 0x11, v4), binary(0x20, 0, ""), binary(0x21, 0, "whatever"),
                                     binary(0x21, 0x31, std::string(216, 'u'))}) {
    ASSERT_EQ(parse(without, header), ProxyHeaderState::kDone);
    EXPECT_FALSE(header.source);
    EXPECT_EQ(header.size, without.size());
  }
  for (const std::string& bad :
       {binary(0x11, 0x11, v4), binary(0x22, 0x11, v4), binary(0x21, 0x12, v4),
        binary(0x21, 0x11, v4.substr(1)), binary(0x21, 0x21, v4), binary(0x21, 0x11, v4 + "\x20\x00"),
        binary(0x21, 0x11, v4 + "\x20\x00\x05\x01"s), binary(0x21, 0x11, v4 + "\x20\x00\x04\x01\0\0\0"s),
        binary(0x21, 0, std::string(5000, 'x'))})
    EXPECT_EQ(state_of(bad), ProxyHeaderState::kMalformed);
}

TEST(ProxyProtocolTest, EveryBeginningIsIncomplete) {
  const std::string v4 = "\xC0\x00\x02\x01\xC6\x33\x64\x07\xDC\x04\x01\xBB"s;
  for (const std::string& whole :
       {"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"s, binary(0x21, 0x11, v4), binary(0x20, 0, "")}) {
    for (size_t size = 0; size < whole.size(); ++size)
      EXPECT_EQ(state_of(whole.substr(0, size)), ProxyHeaderState::kIncomplete) << size;
  }
}

TEST(ProxyProtocolTest, WhatIsWrittenIsRead) {
  char buffer[kMaxWritten];
  const std::pair<Endpoint, Endpoint> pairs[] = {
      {at("192.0.2.1", 56324), at("198.51.100.7", 443)},
      {at("2001:db8::1", 1), at("::1", 65535)},
      {at("192.0.2.1", 1), at("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535)}};
  for (const ProxyProtocol version : {ProxyProtocol::k1, ProxyProtocol::k2}) {
    ProxyHeader header;
    for (const auto& [source, destination] : pairs) {
      const std::string_view written(buffer, write_proxy_header(buffer, version, source, destination));
      ASSERT_EQ(parse_proxy_header(written, header), ProxyHeaderState::kDone) << written;
      EXPECT_EQ(header.source, source);
      EXPECT_EQ(header.size, written.size());
    }
    const std::string_view unknown(buffer, write_proxy_header(buffer, version, std::nullopt, pairs[0].first));
    ASSERT_EQ(parse_proxy_header(unknown, header), ProxyHeaderState::kDone);
    EXPECT_FALSE(header.source);
  }
  const size_t size = write_proxy_header(buffer, ProxyProtocol::k1, pairs[0].first, pairs[0].second);
  EXPECT_EQ(std::string_view(buffer, size), "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n");
}

}  // namespace
}  // namespace portcullis::proxy
