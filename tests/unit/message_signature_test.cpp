// Structured fields (RFC 9651) and the signature base of RFC 9421, on the RFC's own examples.
#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "crypto/signature.h"
#include "policy/hmac_auth/signature_base.h"

namespace portcullis::policy::hmac_auth {
namespace {

using http::InnerList;
using http::parse_dictionary;

// Parses a single dictionary member that is an inner list.
InnerList list_of(const std::string& text) {
  const auto dictionary = parse_dictionary(text);
  EXPECT_TRUE(dictionary) << text;
  return std::get<InnerList>(dictionary->at(0).value);
}

class SignatureBaseTest : public ::testing::Test {
 protected:
  SignatureBaseTest() {
    // The request of RFC 9421 appendix B.2.
    request.method = "POST";
    request.target = "/foo?param=Value&Pet=dog";
    request.path = "/foo";
    request.query = "param=Value&Pet=dog";
    request.has_query = true;
    request.authority = "example.com";
    request.fields.add("Host", "example.com");
    request.fields.add("Date", "Tue, 20 Apr 2021 02:07:55 GMT");
    request.fields.add("Content-Type", "application/json");
    request.fields.add("Content-Length", "18");
    context.uri.scheme = "https";
  }

  EventLoop loop;
  Arena arena;
  http::RequestHead request;
  http::ResponseHead response;
  Context context{loop, arena, request, response};
};

TEST_F(SignatureBaseTest, TheHmacExampleOfTheRfcVerifies) {
  // Appendix B.2.5.
  const InnerList covered = list_of(
      R"(sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret")");
  const auto base = signature_base(covered, context);
  ASSERT_TRUE(base);
  EXPECT_EQ(*base,
            "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@authority\": example.com\n\"content-type\": "
            "application/json\n"
            "\"@signature-params\": (\"date\" \"@authority\" "
            "\"content-type\");created=1618884473;keyid=\"test-shared-"
            "secret\"");
  const auto secret = crypto::base64_decode(
      "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
      crypto::Base64::kStandard);
  const auto signature =
      crypto::base64_decode("pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=", crypto::Base64::kStandard);
  ASSERT_TRUE(secret && signature);
  const auto key = crypto::Verifier::make(crypto::Key::from_secret(*secret), crypto::Algorithm::kHs256);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->verify(*base, *signature));
}

TEST_F(SignatureBaseTest, DerivedComponentsAreAsTheRfcSays) {
  const auto line = [this](const std::string& component) {
    const auto base = signature_base(list_of("s=(" + component + ")"), context);
    return base ? base->substr(0, base->find('\n')) : "none";
  };
  EXPECT_EQ(line("\"@method\""), "\"@method\": POST");
  EXPECT_EQ(line("\"@target-uri\""), "\"@target-uri\": https://example.com/foo?param=Value&Pet=dog");
  EXPECT_EQ(line("\"@scheme\""), "\"@scheme\": https");
  EXPECT_EQ(line("\"@request-target\""), "\"@request-target\": /foo?param=Value&Pet=dog");
  EXPECT_EQ(line("\"@path\""), "\"@path\": /foo");
  EXPECT_EQ(line("\"@query\""), "\"@query\": ?param=Value&Pet=dog");
  EXPECT_EQ(line("\"@query-param\";name=\"Pet\""), "\"@query-param\";name=\"Pet\": dog");
  request.query =
      "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
  EXPECT_EQ(line("\"@query-param\";name=\"var\""),
            "\"@query-param\";name=\"var\": this%20is%20a%20big%0Amultiline%20value");
  EXPECT_EQ(line("\"@query-param\";name=\"bar\""), "\"@query-param\";name=\"bar\": with%20plus%20whitespace");
  EXPECT_EQ(line("\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\""),
            "\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\": something");
  request.query = "a=1&a=2";
  EXPECT_EQ(line("\"@query-param\";name=\"a\""), "none");
  request.has_query = false;
  request.query = {};
  EXPECT_EQ(line("\"@query\""), "\"@query\": ?");
  request.authority = "EXAMPLE.com:443";
  EXPECT_EQ(line("\"@authority\""), "\"@authority\": example.com");
  request.authority = "example.com:80";
  EXPECT_EQ(line("\"@authority\""), "\"@authority\": example.com:80");
}

TEST_F(SignatureBaseTest, FieldLinesOfOneNameAreJoined) {
  request.fields.add("X-Multi", " one ");
  request.fields.add("x-multi", "two");
  const auto base = signature_base(list_of("s=(\"x-multi\")"), context);
  ASSERT_TRUE(base);
  EXPECT_TRUE(base->starts_with("\"x-multi\": one, two\n"));
}

TEST_F(SignatureBaseTest, WhatCannotBeToldIsRefused) {
  for (const char* covered :
       {"s=(\"absent\")", "s=(\"Date\")", "s=(\"@unknown\")", "s=(\"@status\")", "s=(date)",
        "s=(\"date\" \"date\")", "s=(\"date\";sf)", "s=(\"date\";bs)", "s=(\"@method\";req)",
        "s=(\"@query-param\")", "s=(\"@query-param\";name=\"absent\")"})
    EXPECT_FALSE(signature_base(list_of(covered), context)) << covered;
}

TEST(StructuredFieldsTest, DictionariesAreReadAndWritten) {
  const auto list = list_of(R"(a=("x" tok/en:1 5 ?0 :aGk=:;p;q="\"\\");b=-12; c)");
  EXPECT_EQ(http::serialize(list), R"(("x" tok/en:1 5 ?0 :aGk=:;p;q="\"\\");b=-12;c)");
  const auto again = parse_dictionary("a=1, b;x=2;y;x=3, a=3 ,\tc=?1");
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), 3u);
  EXPECT_EQ(again->at(0).key, "a");  // at its first position, with its last value
  EXPECT_EQ(std::get<int64_t>(std::get<http::Item>(again->at(0).value).value), 3);
  EXPECT_EQ(http::serialize(std::get<http::Item>(again->at(1).value)), "?1;x=3;y");
}

TEST(StructuredFieldsTest, DecimalsAreReadAndWritten) {
  const std::pair<const char*, const char*> kCases[] = {
      {"1.5", "1.5"},     {"-1.500", "-1.5"}, {"0.0", "0.0"},      {"10.0", "10.0"},
      {"0.025", "0.025"}, {"-0.1", "-0.1"},   {"007.050", "7.05"}, {"999999999999.999", "999999999999.999"}};
  for (const auto& [given, written] : kCases)
    EXPECT_EQ(http::serialize(list_of("a=(1);x=" + std::string(given))), "(1);x=" + std::string(written));
}

TEST(StructuredFieldsTest, ThereIsRoomForWhatTheStandardAsksFor) {
  const auto numbered = [](const std::string& before, const std::string& after, int count) {
    std::string out;
    for (int i = 0; i < count; ++i)
      out += (i == 0 ? before.substr(before.size() - 1) : before) + std::to_string(i) + after;
    return out;
  };
  ASSERT_TRUE(parse_dictionary(numbered(",k", "=1", 1024)));
  EXPECT_EQ(parse_dictionary(numbered(",k", "=1", 1024))->size(), 1024u);
  EXPECT_FALSE(parse_dictionary(numbered(",k", "=1", 1025)));
  EXPECT_TRUE(parse_dictionary("a;k" + numbered(";k", "=1", 256)));
  EXPECT_TRUE(parse_dictionary("a=(k" + numbered(" k", "", 256) + ")"));
  EXPECT_TRUE(parse_dictionary("a=\"" + std::string(16'384, 'x') + "\""));
  EXPECT_FALSE(parse_dictionary("a=\"" + std::string(70'000, 'x') + "\""));
}

TEST(StructuredFieldsTest, BrokenOnesAreRefused) {
  for (const char* bad : {"a=",         "a=1,",     "A=1",
                          "=1",         "a=(",      "a=(1",
                          "a=(1,2)",    "a=\"",     "a=\"\\x\"",
                          "a=\"\x01\"", "a=:!:",    "a=:aGk=",
                          "a=?2",       "a=1.",     "a=1234567890123456",
                          "a=-",        "a=(1)(2)", "a=1 b=2",
                          "a;=1",       "a=@x",     "a=(\"x\"\"y\")",
                          "a=1.2345",   "a=.5",     "a=1234567890123.1",
                          "a=1.2.3",    "a=-.5",    "a=1.-5"})
    EXPECT_FALSE(parse_dictionary(bad)) << bad;
}

}  // namespace
}  // namespace portcullis::policy::hmac_auth
