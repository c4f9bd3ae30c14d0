#include "http/field_names.h"

#include <gtest/gtest.h>

#include <string>

#include "http/characters.h"

namespace portcullis {
namespace {

using http::FieldNames;

TEST(FieldNames, FindsEachSpellingOfItsNames) {
  const FieldNames names({"x-user", "ends-with-", "_", "a"});

  for (const char* spelling :
       {"x-user", "X-User", "x_user", "X_USER", "ends-with-", "ends_with_", "ends-with_", "_", "-", "A"})
    EXPECT_TRUE(names.contains(spelling)) << spelling;
  for (const char* other : {"x-users", "y-user", "x-usee", "xxuser", "b", "", "ends-with"})
    EXPECT_FALSE(names.contains(other)) << other;
}

TEST(FieldNames, TellsAnImitationFromAName) {
  const FieldNames names({"x-user-"});

  EXPECT_FALSE(names.is_imitated_by("X-User-"));
  EXPECT_TRUE(names.is_imitated_by("X-User_"));
  EXPECT_FALSE(names.is_imitated_by("x-other"));
}

TEST(Characters, AForbiddenCharacterIsFoundAtEachPlaceOfAFieldValue) {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, 'v');
        text[at] = static_cast<char>(c);
        const bool allowed = c == '\t' || (c >= 0x20 && c != 0x7F);
        ASSERT_EQ(http::is_field_text(text), allowed) << size << " " << at << " " << c;
      }
    }
  }
}

TEST(Characters, ForbiddenCharactersBesideSuspiciousOnesAreFound) {
  // Each byte below 0x20 makes the test of the next higher byte borrow.
  EXPECT_TRUE(http::is_field_text("\t\t\t\t\t\t\t\t\xff\x80 \t"));
  EXPECT_FALSE(http::is_field_text("\t\t\t\t\t\t\t\x7f"));
  EXPECT_FALSE(http::is_field_text("\t       \n       "));
}

}  // namespace
}  // namespace portcullis
