// The rules by which a canary is promoted or withdrawn, with times that the test chooses.
#include "control/canary_trial.h"

#include <gtest/gtest.h>

#include "config/canary.h"
#include "config/yaml.h"
#include "control/revisions/canary_settings.h"

namespace portcullis::control {
namespace {

using Step = CanaryTrial::Verdict::Step;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Clock::time_point kBegan{std::chrono::hours(1'000)};

CanaryTrial trial(bool promote = false) {
  return {{.share = {500},
           .for_time = minutes(5),
           .promote = promote,
           .withdraw_when = {.errors_above = {500}, .min_requests = 50}},
          kBegan};
}

TEST(CanaryTrialTest, GoesOnWhileItsTimeAndItsErrorsAreWithinBounds) {
  EXPECT_EQ(trial().judge({0, 0}, kBegan).step, Step::kGoesOn);
  EXPECT_EQ(trial().judge({1'000, 50}, kBegan + minutes(4)).step, Step::kGoesOn);  // 5%, and not more
}

TEST(CanaryTrialTest, IsWithdrawnWhenMoreRequestsFail) {
  const auto verdict = trial().judge({1'000, 51}, kBegan + seconds(1));
  EXPECT_EQ(verdict.step, Step::kWithdrawn);
  EXPECT_EQ(verdict.reason, "51 of 1000 requests failed, more than 5%");
}

TEST(CanaryTrialTest, IsNotJudgedBeforeItHasEnoughRequests) {
  EXPECT_EQ(trial().judge({49, 49}, kBegan + seconds(1)).step, Step::kGoesOn);
  EXPECT_EQ(trial().judge({50, 3}, kBegan + seconds(1)).step, Step::kWithdrawn);
}

TEST(CanaryTrialTest, EndsAsAskedWhenItsTimeIsOver) {
  EXPECT_EQ(trial(true).judge({0, 0}, kBegan + minutes(5) - Milliseconds(1)).step, Step::kGoesOn);
  EXPECT_EQ(trial(true).judge({0, 0}, kBegan + minutes(5)).step, Step::kPromoted);
  EXPECT_EQ(trial(false).judge({0, 0}, kBegan + minutes(5)).step, Step::kWithdrawn);
  EXPECT_EQ(trial(true).judge({0, 0}, kBegan + minutes(5)).reason, "its time is over");
}

TEST(CanaryTrialTest, ACanaryThatFailsIsNotPromotedAtItsEnd) {
  EXPECT_EQ(trial(true).judge({100, 100}, kBegan + minutes(6)).step, Step::kWithdrawn);
}

TEST(CanaryTrialTest, TellsTheTimeThatIsLeft) {
  EXPECT_EQ(trial().left(kBegan + seconds(60)), minutes(4));
  EXPECT_EQ(trial().left(kBegan + minutes(6)), Milliseconds(0));
}

TEST(CanaryTrialTest, CountsTheResponsesOfAllWorkers) {
  telemetry::Registry metrics(2);
  const auto shards = metrics.revision(3);
  (*shards)[0]->responses[2].add(7);
  (*shards)[1]->responses[5].add(2);
  (*shards)[1]->responses[0].add();
  (*shards)[0]->duration.add(1'500);
  (*shards)[1]->duration.add(500);
  const CanaryCounts counts = CanaryCounts::of(*shards);
  EXPECT_EQ(counts.requests, 10u);
  EXPECT_EQ(counts.errors, 2u);
  EXPECT_EQ(counts.duration, 2'000u);
  EXPECT_EQ((counts - CanaryCounts{4, 1, 500}).duration, 1'500u);
}

class CanarySettingsTest : public ::testing::Test {
 protected:
  config::Canary load(const std::string& text) {
    config::Canary out;
    const auto root = config::parse_yaml(text, "canary.yaml", diagnostics);
    if (root) config::canary_type().load(*root, out, diagnostics);
    return out;
  }
  std::string problem(const std::string& text) {
    diagnostics = {};
    load(text);
    const auto all = diagnostics.sorted();
    return all.empty() ? "" : all.front().message;
  }
  config::Diagnostics diagnostics;
};

TEST_F(CanarySettingsTest, AreRead) {
  const config::Canary canary = load(
      "{share: 0.5%, by: '{request.header.x-user}', for: 5m, promote: true, "
      "withdraw_when: {errors_above: 2%, min_requests: 10}}");
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(canary.share.of_10_000, 50u);
  EXPECT_EQ(canary.by, "{request.header.x-user}");
  EXPECT_EQ(canary.for_time, minutes(5));
  EXPECT_TRUE(canary.promote);
  EXPECT_EQ(canary.withdraw_when.errors_above.of_10_000, 200u);
  EXPECT_EQ(canary.withdraw_when.min_requests, 10u);
}

TEST_F(CanarySettingsTest, MistakesAreToldAtTheirPlace) {
  EXPECT_NE(problem("{share: 5%}").find("for"), std::string::npos);
  EXPECT_NE(problem("{share: 5, for: 5m}").find("not a share"), std::string::npos);
  EXPECT_NE(problem("{share: 5%, for: 5m, by: user}").find("`user` is no key of a canary"),
            std::string::npos);
  EXPECT_NE(problem("{share: 5%, for: 5m, by: '{request.hedder.x}'}").find("request.header"),
            std::string::npos);
  EXPECT_NE(problem("{share: 5%, for: 5m, by: '{response.status}'}").find("cannot be read here"),
            std::string::npos);
}

TEST_F(CanarySettingsTest, AreByShareOrByNodes) {
  const auto read = [](const char* text) { return read_canary(nlohmann::json::parse(text), "/canary"); };
  const auto rules = read(R"({"nodes": 2, "for": "5m"})");
  ASSERT_TRUE(std::holds_alternative<proxy::CanaryRules>(rules));
  const proxy::CanaryRules& by_nodes = std::get<proxy::CanaryRules>(rules);
  EXPECT_EQ(by_nodes.nodes, 2u);
  EXPECT_EQ(by_nodes.share.of_10_000, 10'000u);
  EXPECT_TRUE(by_nodes.promote);
  const auto stored = stored_canary_of(text_of(StoredCanary{by_nodes, {}}));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->rules, by_nodes);
  const auto trial = read(R"({"nodes": 1, "for": "5m", "promote": false})");
  EXPECT_FALSE(std::get<proxy::CanaryRules>(trial).promote);
  for (const char* wrong : {R"({"for": "5m"})", R"({"for": "5m", "share": "5%", "nodes": 1})",
                            R"({"for": "5m", "nodes": 1, "by": "client"})"}) {
    const auto refused = read(wrong);
    ASSERT_TRUE(std::holds_alternative<std::vector<Finding>>(refused)) << wrong;
    EXPECT_EQ(std::get<std::vector<Finding>>(refused).front().path, "/canary") << wrong;
  }
}

}  // namespace
}  // namespace portcullis::control
