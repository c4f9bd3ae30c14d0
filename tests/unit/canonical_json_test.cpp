#include "base/canonical_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace portcullis::store {
namespace {

std::string canonical(const std::string& text) {
  const auto out = canonical_json(nlohmann::json::parse(text));
  return out ? *out : "error: " + out.error().message;
}

TEST(CanonicalJson, MembersAreInTheOrderOfTheirNamesWithoutWhiteSpace) {
  EXPECT_EQ(canonical(R"( { "b" : [ 1 , true , null ] , "a" : { } , "" : "x" } )"),
            R"({"":"x","a":{},"b":[1,true,null]})");
}

// RFC 8785 section 3.2.3.
TEST(CanonicalJson, NamesAreOrderedByUtf16CodeUnits) {
  EXPECT_EQ(canonical(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})"),
            "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001F600\":5,\"\uFB33\":3}");
}

TEST(CanonicalJson, ANameThatBeginsAnotherOneIsFirst) {
  EXPECT_EQ(canonical(R"({"ab":1,"a":2})"), R"({"a":2,"ab":1})");
}

// RFC 8785 section 3.2.2.2.
TEST(CanonicalJson, OnlyWhatMustBeEscapedIsEscaped) {
  EXPECT_EQ(canonical(R"("\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/\u007f")"),
            "\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\x7f\"");
  EXPECT_EQ(canonical(R"("\b\t\f\r\u001F")"), R"("\b\t\f\r\u001f")");
}

// RFC 8785 appendix B.
TEST(CanonicalJson, NumbersAreWrittenAsEcmaScriptWritesThem) {
  const std::pair<double, const char*> kNumbers[] = {{0.0, "0"},
                                                     {-0.0, "0"},
                                                     {5e-324, "5e-324"},
                                                     {-5e-324, "-5e-324"},
                                                     {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                     {9007199254740992.0, "9007199254740992"},
                                                     {295147905179352830000.0, "295147905179352830000"},
                                                     {9.999999999999997e22, "9.999999999999997e+22"},
                                                     {1e23, "1e+23"},
                                                     {1.0000000000000001e23, "1.0000000000000001e+23"},
                                                     {999999999999999700000.0, "999999999999999700000"},
                                                     {1e21, "1e+21"},
                                                     {9.999999999999997e-7, "9.999999999999997e-7"},
                                                     {0.000001, "0.000001"},
                                                     {333333333.3333332, "333333333.3333332"},
                                                     {333333333.33333343, "333333333.33333343"},
                                                     {-0.0000033333333333333333, "-0.0000033333333333333333"},
                                                     {1424953923781206.2, "1424953923781206.2"},
                                                     {100.0, "100"},
                                                     {-1.5, "-1.5"}};
  for (const auto& [number, text] : kNumbers) EXPECT_EQ(*canonical_json(number), text);
}

TEST(CanonicalJson, IntegersAreKeptExactlyOrRefused) {
  EXPECT_EQ(canonical("[9007199254740992,-9007199254740992,1234567890123456800]"),
            "[9007199254740992,-9007199254740992,1234567890123456800]");
  EXPECT_EQ(canonical("9007199254740993"),
            "error: the integer 9007199254740993 has more digits than a double keeps: write it as a text");
  EXPECT_EQ(canonical("18446744073709551615").substr(0, 5), "error");
}

TEST(CanonicalJson, ACanonicalTextIsItsOwnCanonicalForm) {
  for (const char* text : {"[1e20,1.5e300,1e-7,123456789012345678e3]", R"({"a":"\u0001","b":[{}]})"}) {
    const std::string once = canonical(text);
    EXPECT_EQ(canonical(once), once);
  }
}

TEST(CanonicalJson, ValuesThatHaveNoJsonAreErrors) {
  EXPECT_FALSE(canonical_json(std::nan("")));
  EXPECT_FALSE(canonical_json(HUGE_VAL));
  for (const char* text :
       {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x80\x80\x80"}) {
    EXPECT_FALSE(canonical_json(text)) << text;
    EXPECT_FALSE(canonical_json(nlohmann::json::object({{text, 1}}))) << text;
  }
}

TEST(CanonicalJson, DeepValuesAreErrors) {
  const auto nested = [](size_t depth) {
    return nlohmann::json::parse(std::string(depth, '[') + std::string(depth, ']'));
  };
  EXPECT_TRUE(canonical_json(nested(kMaxJsonDepth)));
  EXPECT_EQ(canonical_json(nested(100'000)).error().message, "the value is nested more than 200 levels deep");
}

}  // namespace
}  // namespace portcullis::store
