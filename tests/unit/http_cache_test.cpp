#include <gtest/gtest.h>

#include "base/arena.h"
#include "cache/freshness.h"
#include "cache/storable.h"
#include "cache/vary.h"
#include "http/cache_control.h"
#include "http/conditions.h"
#include "http/date.h"
#include "http/range.h"
#include "http/uri.h"

namespace portcullis {
namespace {

using std::chrono::seconds;

http::Fields fields(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  http::Fields out;
  for (const auto& [name, value] : pairs) out.add(name, value);
  return out;
}

TEST(Date, AllThreeFormsAreRead) {
  const auto expected = std::chrono::sys_seconds(seconds(784111777));
  EXPECT_EQ(http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
  EXPECT_EQ(http::parse_date("Sun Nov  6 08:49:37 1994"), expected);
  EXPECT_EQ(http::parse_date("Sun Nov 16 08:49:37 1994"), expected + std::chrono::days(10));
}

TEST(Date, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "0", "-1", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun Nov 6 08:49:37 1994", "Sun, 06 Nov 94 08:49:37 GMT"}) {
    EXPECT_FALSE(http::parse_date(text)) << text;
  }
}

TEST(Date, IsWrittenAsItIsRead) {
  Arena arena;
  for (const int64_t second : {int64_t{0}, int64_t{784111777}, int64_t{951782400}, int64_t{4102444799}}) {
    const auto time = std::chrono::sys_seconds(seconds(second));
    EXPECT_EQ(http::parse_date(http::write_date(time, arena)), time);
  }
  EXPECT_EQ(http::write_date(std::chrono::sys_seconds(seconds(784111777)), arena),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(CacheControl, DirectivesAreRead) {
  const auto told = http::read_cache_control(
      fields({{"cache-control", "Max-Age = 10 , private=\"a, b\",, x=\"no-store, \\\"\""},
              {"cache-control", "s-maxage=20, stale-if-error=5, max-age=99, must-revalidate"}}));
  EXPECT_EQ(told.max_age, seconds(10));
  EXPECT_EQ(told.s_maxage, seconds(20));
  EXPECT_EQ(told.stale_if_error, seconds(5));
  EXPECT_TRUE(told.must_revalidate && told.is_private && !told.no_store && !told.no_cache);
  EXPECT_EQ(told.private_fields, "a, b");
}

TEST(CacheControl, AllIsPrivateWhenItIsSaidOnceWithoutFields) {
  for (const char* text : {"private, private=\"a\"", "private=\"a\", private"}) {
    const auto told = http::read_cache_control(fields({{"cache-control", text}}));
    EXPECT_TRUE(told.is_private && told.private_fields.empty()) << text;
  }
}

TEST(CacheControl, MaxStaleWithoutANumberIsAny) {
  EXPECT_EQ(http::read_cache_control(fields({{"cache-control", "max-stale"}})).max_stale,
            http::CacheControl::kForever);
  EXPECT_EQ(http::read_cache_control(fields({{"cache-control", "max-stale=x"}})).max_stale, seconds(0));
}

TEST(CacheControl, TheFirstTargetedFieldThatCanBeReadStands) {
  const std::vector<std::string> targets{"a-cache", "b-cache"};
  const auto read = [&](std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
    return http::read_targeted_cache_control(fields(pairs), targets);
  };
  EXPECT_EQ(read({{"b-cache", "max-age=5"}, {"a-cache", "max-age=7, no-cache"}})->max_age, seconds(7));
  EXPECT_EQ(read({{"b-cache", "max-age=5"}, {"a-cache", "max-age=7,"}})->max_age, seconds(5));
  EXPECT_FALSE(read({{"cache-control", "max-age=5"}}));
  EXPECT_FALSE(read({{"a-cache", ""}}));
  EXPECT_FALSE(read({{"a-cache", "no-store=?0"}})->no_store);
  EXPECT_FALSE(read({{"a-cache", "max-age=\"7\""}})->max_age);
}

TEST(Range, OneRangeOfBytes) {
  const auto part = [](std::string_view text, uint64_t size) -> std::string {
    const auto range = http::parse_range(text);
    if (!range) return "ignored";
    const auto of = range->of(size);
    return of ? std::to_string(of->begin) + "-" + std::to_string(of->end) : "beyond";
  };
  EXPECT_EQ(part("bytes=0-0", 10), "0-1");
  EXPECT_EQ(part("Bytes = 2-4", 10), "2-5");
  EXPECT_EQ(part("bytes=9-", 10), "9-10");
  EXPECT_EQ(part("bytes=10-", 10), "beyond");
  EXPECT_EQ(part("bytes=0-", 0), "beyond");
  EXPECT_EQ(part("bytes=-3", 10), "7-10");
  EXPECT_EQ(part("bytes=-30", 10), "0-10");
  EXPECT_EQ(part("bytes=-0", 10), "beyond");
  EXPECT_EQ(part("bytes=5-18446744073709551615", 10), "5-10");
  for (const char* text : {"bytes=", "bytes=-", "bytes=4-2", "bytes=1-2,4-5", "bytes=1", "lines=1-2", "bytes",
                           "bytes=18446744073709551616-"})
    EXPECT_EQ(part(text, 10), "ignored") << text;
}

TEST(Conditions, TagsWithCommasAndWithoutQuotes) {
  const http::Validators mine{"\"a,b\"", ""};
  EXPECT_TRUE(http::has_it_already(fields({{"if-none-match", "\"x\", \"a,b\""}}), mine));
  EXPECT_TRUE(
      http::has_it_already(fields({{"if-none-match", "\"x\""}, {"if-none-match", "W/\"a,b\""}}), mine));
  EXPECT_FALSE(http::has_it_already(fields({{"if-none-match", "\"a\", \"b\""}}), mine));
  EXPECT_TRUE(http::has_it_already(fields({{"if-none-match", "x, y"}}), {"y", ""}));
  EXPECT_FALSE(http::has_it_already(fields({{"if-none-match", "\"open"}}), mine));
  EXPECT_FALSE(http::has_it_already(fields({{"if-none-match", ""}}), mine));
}

TEST(Vary, RequestsThatMeanTheSameAreTheSame) {
  Arena arena;
  const std::vector<std::string> names{"accept-encoding"};
  const auto same = [&](std::string_view one, std::string_view other) {
    return cache::selecting_values(fields({{"accept-encoding", one}}), names, arena) ==
           cache::selecting_values(fields({{"accept-encoding", other}}), names, arena);
  };
  EXPECT_TRUE(same("gzip, br", "BR;q=0.1 , x-gzip"));
  EXPECT_TRUE(same("gzip, identity", "gzip, br;q=0"));
  EXPECT_TRUE(same(";", ";q=1"));
  EXPECT_FALSE(same("gzip", "gzip, br"));
  EXPECT_FALSE(same("*", "*, br;q=0"));
  EXPECT_FALSE(same("", "identity;q=0"));
}

TEST(Vary, TheValuesOfALongFieldAreNotLongerThanTheField) {
  Arena arena;
  std::string codings, refused;
  for (int i = 0; i < 5000; ++i) {
    codings += "c" + std::to_string(i) + ",";
    refused += "c" + std::to_string(i) + ";q=0,";
  }
  for (const std::string& value :
       {codings, refused + "*", std::string(30'000, ','), std::string(30'000, 'x')}) {
    for (const char* name : {"accept-encoding", "accept-language", "x-any"}) {
      const std::string_view values = cache::selecting_values(fields({{name, value}}), {name}, arena);
      EXPECT_LE(values.size(), value.size() + 2) << name;
    }
  }
}

TEST(Freshness, WhatIsFromTheFutureIsOfUnknownAge) {
  const cache::Time received = cache::now();
  const cache::Age age({}, received, received);
  EXPECT_LT(age.at(received - seconds(1)), seconds(1));  // a small correction of the clock
  EXPECT_EQ(age.at(received - std::chrono::hours(1)), cache::Age::kUnknown);
  EXPECT_EQ(cache::Age(received + std::chrono::hours(1)).at(received), cache::Age::kUnknown);
}

TEST(Freshness, AgesAddUp) {
  const cache::Time asked{std::chrono::milliseconds(1'000'000'000'000)};
  const auto received = asked + seconds(3);
  Arena arena;
  const auto date = http::write_date(std::chrono::floor<seconds>(received) - seconds(8), arena);
  const auto age = [&](std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
    return cache::Age(fields(pairs), asked, received).at(received + seconds(1));
  };
  EXPECT_EQ(age({}), seconds(4));  // the delay counts
  EXPECT_EQ(age({{"age", "5"}}), seconds(9));
  EXPECT_EQ(age({{"date", date}}), seconds(9));                  // the apparent age
  EXPECT_EQ(age({{"date", date}, {"age", "10"}}), seconds(14));  // the larger one
}

TEST(Storable, FieldsOfTheHopAreLeftOut) {
  http::ResponseHead response;
  response.status = 200;
  response.fields = fields(
      {{"connection", "close"}, {"x-a", "1"}, {"age", "5"}, {"content-length", "4"}, {"X-Secret", "1"}});
  http::Fields kept;
  http::CacheControl told;
  told.private_fields = "x-secret";
  cache::write_stored_fields(response, told, "now", kept);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept.value_of("x-a"), "1");
  EXPECT_EQ(kept.value_of("date"), "now");
}

TEST(Uri, IsWhatTheGatewayKnowsOfARequest) {
  EXPECT_EQ(http::normal_uri("HTTPS://Example.COM:8443/a/./b/../c?x=Y"), "https://example.com:8443/a/c?x=Y");
  EXPECT_EQ(http::normal_uri("http://a"), "http://a/");
  EXPECT_EQ(http::normal_uri("http://a?b"), "http://a/?b");
  EXPECT_EQ(http::normal_uri("http://[::1]:80/a"), "http://[::1]/a");
  for (const char* text : {"", "/a", "a", "ftp://a/", "http://", "http:///a", "http://:80/", "http://a:b:80/",
                           "http://a b/", "http://u@h/"})
    EXPECT_FALSE(http::normal_uri(text)) << text;
}

}  // namespace
}  // namespace portcullis
