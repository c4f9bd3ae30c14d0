// What the key `canary` of a cluster says, and which revision is in force by it.

#include <gtest/gtest.h>

#include "cluster/view.h"

namespace portcullis::cluster {
namespace {

using State = Canary::State;

Canary canary_of_7(State state) {
  return {.revision = 7, .base = 5, .rules = "rules", .author = "ann", .state = state};
}

TEST(ClusterCanary, TheRevisionBeforeIsInForceUntilThePromotion) {
  EXPECT_EQ(in_force_of(7, canary_of_7(State::kServes)), (store::InForce{5, "rules"}));
  EXPECT_EQ(in_force_of(7, canary_of_7(State::kWithdrawn)), (store::InForce{5, ""}));
  EXPECT_EQ(in_force_of(7, canary_of_7(State::kPromoted)), (store::InForce{7, ""}));
}

TEST(ClusterCanary, TellsNothingOfAnotherNewestRevision) {
  EXPECT_EQ(in_force_of(8, canary_of_7(State::kServes)), (store::InForce{8, ""}));
  EXPECT_EQ(in_force_of(8, canary_of_7(State::kWithdrawn)), (store::InForce{8, ""}));
  EXPECT_EQ(in_force_of(8, std::nullopt), (store::InForce{8, ""}));
}

TEST(ClusterCanary, IsReadAsItWasWritten) {
  Canary ended = canary_of_7(State::kWithdrawn);
  ended.reason = "8 of 24 requests failed";
  ended.ended_by = "gateway";
  ended.turns = {"n2", "n1"};
  for (const Canary& canary : {canary_of_7(State::kServes), canary_of_7(State::kPromoted), ended})
    EXPECT_EQ(canary_from(text_of(canary)), canary);
  for (const char* text : {"", "5%", "{}", R"({"revision": 7, "state": "lost", "rules": "r"})"})
    EXPECT_EQ(canary_from(text), std::nullopt) << text;
}

TEST(ClusterCanary, CountsOfAnotherFormCountForNoRevision) {
  const CanaryCounts counts{7, {24, 8, 1'000}, {100, 0, 2'000}};
  EXPECT_EQ(canary_counts_from(text_of(counts)), counts);
  EXPECT_EQ(canary_counts_from("many").revision, 0U);
}

TEST(ClusterCanary, OnlyADraftWithRulesBeginsOne) {
  store::Revision revision{};
  revision.number = 7;
  revision.parent = 5;
  store::Draft draft{};
  draft.author = "ann";
  EXPECT_EQ(begun_canary(revision, draft), std::nullopt);
  draft.canary = "rules";
  EXPECT_EQ(begun_canary(revision, draft), canary_of_7(State::kServes));
}

}  // namespace
}  // namespace portcullis::cluster
