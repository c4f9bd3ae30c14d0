#include "http/query.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/arena_text.h"
#include "http/message.h"

namespace portcullis::http {
namespace {

TEST(ArenaText, JoinsPieces) {
  Arena arena;
  ArenaText text(arena);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.view(), "");
  text.add_after(", ", "a").add_after(", ", "b").add("").add("c");
  EXPECT_EQ(text.view(), "a, bc");
}

TEST(ArenaText, DoesNotCopyAnOnlyPiece) {
  Arena arena;
  const std::string piece(100'000, 'x');
  EXPECT_EQ(ArenaText(arena).add(piece).view().data(), piece.data());
}

TEST(ArenaText, KeepsWhatWasSeenBefore) {
  Arena arena;
  ArenaText text(arena);
  text.add("one").add("two");
  const std::string_view before = text.view();
  for (int i = 0; i < 1000; ++i) text.add("x");
  EXPECT_EQ(before, "onetwo");
  EXPECT_EQ(text.view(), "onetwo" + std::string(1000, 'x'));
}

std::string without_cookie(const std::vector<std::string_view>& values, std::string_view name) {
  Arena arena;
  Fields fields;
  for (const std::string_view value : values) fields.add("Cookie", value);
  remove_cookie(fields, name, arena);
  std::string out;
  for (const Field& field : fields) out.append(field.value).append("|");
  return out;
}

TEST(RemoveCookie, RemovesEveryCookieOfThatName) {
  EXPECT_EQ(without_cookie({"a=1; st=x; b=2"}, "st"), "a=1; b=2|");
  EXPECT_EQ(without_cookie({"st=x; a=1;b=2; c=3"}, "st"), "a=1;b=2; c=3|");
  EXPECT_EQ(without_cookie({"st=x;a=1", "st=y", "b=2;;st=z"}, "st"), "a=1; b=2|");
  EXPECT_EQ(without_cookie({"st=x", "st=y"}, "st"), "");
}

TEST(RemoveCookie, LeavesFieldsWithoutItAlone) {
  EXPECT_EQ(without_cookie({"a=1;b=2", "c=3"}, "st"), "a=1;b=2|c=3|");
}

std::string without_parameter(std::string_view query, std::string_view name) {
  Arena arena;
  RequestHead request;
  request.query = query;
  request.has_query = true;
  remove_query_parameter(request, name, arena);
  return request.has_query ? "?" + std::string(request.query) : std::string(request.query);
}

TEST(RemoveQueryParameter, RemovesEveryParameterOfThatName) {
  EXPECT_EQ(without_parameter("key=1&a=2&key=3&b", "key"), "?a=2&b");
  EXPECT_EQ(without_parameter("k%65y=1&a=2", "key"), "?a=2");
  EXPECT_EQ(without_parameter("key=1", "key"), "");
  EXPECT_EQ(without_parameter("a&&b", "key"), "?a&&b");
}

}  // namespace
}  // namespace portcullis::http
