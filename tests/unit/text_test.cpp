#include "base/text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace portcullis {
namespace {

std::string in_json(std::string_view text) {
  std::string out = "\"";
  append_json_escaped(out, text);
  return out + '"';
}

TEST(WithoutSecrets, LeavesSchemeHostAndPath) {
  EXPECT_EQ(without_secrets("https://a.example/v1?key=secret"), "https://a.example/v1");
  EXPECT_EQ(without_secrets("https://user:pass@a.example:8443/v1/@x"), "https://a.example:8443/v1/@x");
  EXPECT_EQ(without_secrets("http://a.example"), "http://a.example");
  EXPECT_EQ(without_secrets("keys.json"), "keys.json");
}

TEST(JsonEscaping, IsReadAsItWas) {
  // Each character at each position within the eight bytes that are checked at once.
  for (int c = 0; c < 0x80; ++c) {
    for (size_t at = 0; at < 20; ++at) {
      std::string text(at % 2 == 0 ? 20 : at + 1, 'x');
      text[at] = static_cast<char>(c);
      const std::string written = in_json(text);
      EXPECT_EQ(nlohmann::json::parse(written).get<std::string>(), text) << c << " at " << at;
      EXPECT_EQ(written.size() == text.size() + 2, c >= ' ' && c < 0x7F && c != '"' && c != '\\') << c;
    }
  }
  const std::string foreign = "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8F\xB0 and more of it";
  EXPECT_EQ(in_json(foreign), '"' + foreign + '"');
}

TEST(JsonEscaping, ReplacesWhatIsNotUtf8) {
  for (const std::string_view bad : {"\xE9", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\x80"}) {
    const std::string text =
        nlohmann::json::parse(in_json("before, " + std::string(bad) + "after it")).get<std::string>();
    EXPECT_TRUE(text.starts_with("before, \xEF\xBF\xBD")) << text;
    EXPECT_TRUE(text.ends_with("after it")) << text;
  }
}

}  // namespace
}  // namespace portcullis
