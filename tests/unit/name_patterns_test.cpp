#include "base/name_patterns.h"

#include <gtest/gtest.h>

namespace portcullis {
namespace {

TEST(NamePatternsTest, NamesAndTheNamesBelowADomain) {
  const NamePatterns patterns({"api.test", "*.bank.test", "*.a.bank.test"});
  for (const char* name : {"api.test", "x.bank.test", "x.y.bank.test", "x.a.bank.test"})
    EXPECT_TRUE(patterns.contains(name)) << name;
  for (const char* name :
       {"", "test", "xapi.test", "x.api.test", "bank.test", ".bank.test", "xbank.test", "api.test."})
    EXPECT_FALSE(patterns.contains(name)) << name;
  EXPECT_TRUE(NamePatterns().empty());
  EXPECT_FALSE(NamePatterns().contains("a"));
}

}  // namespace
}  // namespace portcullis
