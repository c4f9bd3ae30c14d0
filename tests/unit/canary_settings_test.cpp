#include "control/revisions/canary_settings.h"

#include <gtest/gtest.h>

namespace portcullis::control {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;

// The place and the message of the first mistake; "" when there is none.
std::string fault_of(const json& rules) {
  const auto read = read_canary(rules, "/canary");
  const auto* const faults = std::get_if<std::vector<Finding>>(&read);
  return faults == nullptr ? "" : faults->front().path + ": " + faults->front().message;
}

TEST(CanarySettings, HaveDefaults) {
  const auto read = read_canary({{"share", "5%"}, {"for", "5m"}}, "/canary");
  const auto& rules = std::get<proxy::CanaryRules>(read);
  EXPECT_EQ(rules.share.of_10_000, 500U);
  EXPECT_EQ(rules.by, "client");
  EXPECT_EQ(rules.for_time, minutes(5));
  EXPECT_FALSE(rules.promote);
  EXPECT_EQ(rules.withdraw_when, proxy::CanaryWithdrawal());
}

TEST(CanarySettings, AreAllRead) {
  const auto read = read_canary({{"share", "0.5%"},
                                 {"for", "90s"},
                                 {"by", "{request.header.x-user}"},
                                 {"promote", true},
                                 {"withdraw_when", {{"errors_above", "1%"}, {"min_requests", 7}}}},
                                "/canary");
  const auto& rules = std::get<proxy::CanaryRules>(read);
  EXPECT_EQ(rules.share.of_10_000, 50U);
  EXPECT_EQ(rules.by, "{request.header.x-user}");
  EXPECT_TRUE(rules.promote);
  EXPECT_EQ(rules.withdraw_when.errors_above.of_10_000, 100U);
  EXPECT_EQ(rules.withdraw_when.min_requests, 7U);
}

TEST(CanarySettings, MistakesHaveTheirPlace) {
  EXPECT_EQ(fault_of({{"share", "5%"}, {"for", "5m"}}), "");
  EXPECT_TRUE(fault_of({{"share", "5%"}}).starts_with("/canary: "));
  EXPECT_TRUE(fault_of({{"share", 5}, {"for", "5m"}}).starts_with("/canary/share: "));
  EXPECT_TRUE(fault_of({{"share", "5%"}, {"for", "5m"}, {"withdraw_when", {{"min_requests", 0}}}})
                  .starts_with("/canary/withdraw_when/min_requests: "));
  EXPECT_TRUE(fault_of("5%").starts_with("/canary: "));
}

TEST(CanarySettings, AreTheSameFromTheStore) {
  StoredCanary canary;
  canary.rules = {.share = {1'234},
                  .by = "{request.header.x-user}",
                  .for_time = milliseconds(1'500),
                  .promote = true,
                  .withdraw_when = {{250}, 9}};
  canary.since = std::chrono::system_clock::time_point(milliseconds(1'800'000'000'123));
  const auto read = stored_canary_of(text_of(canary));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rules, canary.rules);
  EXPECT_EQ(read->since, canary.since);
}

TEST(CanarySettings, OtherTextsOfAStoreAreNotUnderstood) {
  for (const char* text : {"", "[]", "{}", R"({"share": 1})"}) EXPECT_FALSE(stored_canary_of(text)) << text;
}

}  // namespace
}  // namespace portcullis::control
