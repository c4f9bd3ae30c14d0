#include "proxy/next_try.h"

#include <gtest/gtest.h>

namespace portcullis::proxy {
namespace {

using Step = NextTry::Step;

struct Case {
  const char* when;
  TryFacts facts;
  upstream::Retries rules;
  NextTry then;
};

using On = upstream::Retries::On;
const upstream::Retries kTwice{.attempts = 2, .on = {On::kReset, On::kTimeout}, .backoff = Milliseconds(0)};
const upstream::Retries kNoTimeouts{.attempts = 2, .backoff = Milliseconds(0)};
const upstream::Retries kNoResets{.attempts = 2, .on = {On::kTimeout}, .backoff = Milliseconds(0)};
constexpr Milliseconds kLong = Milliseconds::max();

TEST(NextTryTest, EachOutcomeHasItsStep) {
  const Case cases[] = {
      {"a pooled connection was closed", {.outcome = TryOutcome::kStaleConnection}, {}, {Step::kSameTarget}},
      {"no connection, and other targets",
       {.outcome = TryOutcome::kConnectFailed, .unreachable = 1, .targets = 2, .time_left = kLong},
       {},
       {Step::kAnotherTarget}},
      {"no connection to any target",
       {.outcome = TryOutcome::kConnectFailed, .unreachable = 2, .targets = 2, .time_left = kLong},
       {},
       {}},
      {"no connection, and the time is over",
       {.outcome = TryOutcome::kConnectFailed, .unreachable = 1, .targets = 2, .time_left = Milliseconds(0)},
       {},
       {}},
      {"a reset",
       {.outcome = TryOutcome::kFailed, .is_repeatable = true, .time_left = kLong},
       kTwice,
       {Step::kRetry}},
      {"a reset without retries",
       {.outcome = TryOutcome::kFailed, .is_repeatable = true, .time_left = kLong},
       {},
       {}},
      {"a reset of what is sent once", {.outcome = TryOutcome::kFailed, .time_left = kLong}, kTwice, {}},
      {"a reset, where resets are not retried",
       {.outcome = TryOutcome::kFailed, .is_repeatable = true, .time_left = kLong},
       kNoResets,
       {}},
      {"a timeout",
       {.outcome = TryOutcome::kTimedOut, .is_repeatable = true, .time_left = kLong},
       kTwice,
       {Step::kRetry}},
      {"a timeout, where timeouts are not retried",
       {.outcome = TryOutcome::kTimedOut, .is_repeatable = true, .time_left = kLong},
       kNoTimeouts,
       {}},
      {"all retries are used",
       {.outcome = TryOutcome::kFailed, .is_repeatable = true, .retries = 2, .time_left = kLong},
       kTwice,
       {}},
      {"the time is over",
       {.outcome = TryOutcome::kFailed, .is_repeatable = true, .time_left = Milliseconds(0)},
       kTwice,
       {}},
      {"the upstream is overloaded",
       {.outcome = TryOutcome::kOverloaded, .is_repeatable = true, .time_left = kLong},
       kTwice,
       {}},
      {"no room to convert",
       {.outcome = TryOutcome::kNotConverted, .is_repeatable = true, .time_left = kLong},
       kTwice,
       {}},
      {"the client has left",
       {.outcome = TryOutcome::kClientGone, .is_repeatable = true, .time_left = kLong},
       kTwice,
       {}},
      {"answered", {.outcome = TryOutcome::kAnswered, .is_repeatable = true, .time_left = kLong}, kTwice, {}},
  };
  for (const Case& one : cases) EXPECT_EQ(decide_next_try(one.rules, one.facts), one.then) << one.when;
}

TEST(NextTryTest, ThePauseGrowsAndIsARandomPartOfTheWhole) {
  const upstream::Retries rules{
      .attempts = 10, .backoff = Milliseconds(20), .max_backoff = Milliseconds(100)};
  const auto pause = [&rules](uint32_t retries, uint64_t random) {
    const TryFacts facts{.outcome = TryOutcome::kFailed,
                         .is_repeatable = true,
                         .retries = retries,
                         .time_left = kLong,
                         .random = random};
    return decide_next_try(rules, facts).pause.count();
  };
  EXPECT_EQ(pause(0, 20), 20);
  EXPECT_EQ(pause(0, 21), 0);
  EXPECT_EQ(pause(1, 40), 40);
  EXPECT_EQ(pause(2, 80), 80);
  EXPECT_EQ(pause(3, 100), 100);
  EXPECT_EQ(pause(9, 100), 100);
  EXPECT_EQ(pause(9, 50), 50);
}

TEST(NextTryTest, ThereIsNoRetryWhosePauseOutlivesTheDeadline) {
  const upstream::Retries rules{
      .attempts = 1, .backoff = Milliseconds(100), .max_backoff = Milliseconds(100)};
  TryFacts facts{
      .outcome = TryOutcome::kFailed, .is_repeatable = true, .time_left = Milliseconds(50), .random = 50};
  EXPECT_EQ(decide_next_try(rules, facts).step, Step::kGiveUp);
  facts.random = 49;
  EXPECT_EQ(decide_next_try(rules, facts).step, Step::kRetry);
}

TEST(NextTryTest, AnAnswerIsDroppedForItsStatus) {
  const upstream::Retries rules{.attempts = 1,
                                .status = {{502, 503}},
                                .backoff = Milliseconds(0),
                                .max_retry_after = Milliseconds(2'000)};
  const TryFacts facts{.outcome = TryOutcome::kBadAnswer, .is_repeatable = true, .time_left = kLong};
  const NextTry kAtOnce{Step::kRetry, Milliseconds(0)};
  const NextTry kPassedOn{};
  struct {
    uint16_t status;
    const char* retry_after;
    NextTry then;
  } const cases[] = {
      {503, "", kAtOnce},
      {502, "", kAtOnce},
      {500, "", kPassedOn},
      {200, "", kPassedOn},
      {103, "", kPassedOn},
      {503, "1", {Step::kRetry, Milliseconds(1'000)}},
      {503, "2", {Step::kRetry, Milliseconds(2'000)}},
      {503, "3", kPassedOn},
      {503, "3601", kPassedOn},
      {503, "soon", kPassedOn},
      {503, "18446744073709551616", kPassedOn},
  };
  for (const auto& one : cases) {
    TryFacts of_case = facts;
    of_case.status = one.status;
    of_case.retry_after = one.retry_after;
    EXPECT_EQ(decide_next_try(rules, of_case), one.then) << one.status << " " << one.retry_after;
  }
  TryFacts unavailable = facts;
  unavailable.status = 503;
  TryFacts used = unavailable;
  used.retries = 1;
  EXPECT_EQ(decide_next_try(rules, used), kPassedOn);
  TryFacts once = unavailable;
  once.is_repeatable = false;
  EXPECT_EQ(decide_next_try(rules, once), kPassedOn);
  TryFacts late = unavailable;
  late.time_left = Milliseconds(999);
  late.retry_after = "1";
  EXPECT_EQ(decide_next_try(rules, late), kPassedOn);
}

TEST(NextTryTest, ARetryNeedsTheBudget) {
  const upstream::Retries rules{
      .attempts = 2, .on = {On::kReset, On::kTimeout}, .status = {{503, 503}}, .backoff = Milliseconds(0)};
  const NextTry kSpent{.note = "retry_budget_spent"};
  TryFacts facts{.is_repeatable = true, .has_budget = false, .targets = 2, .time_left = kLong, .status = 503};
  for (const TryOutcome outcome : {TryOutcome::kFailed, TryOutcome::kTimedOut, TryOutcome::kBadAnswer}) {
    facts.outcome = outcome;
    EXPECT_EQ(decide_next_try(rules, facts), kSpent) << static_cast<int>(outcome);
  }
  // The request has not reached a target, so another try costs nothing.
  facts.outcome = TryOutcome::kStaleConnection;
  EXPECT_EQ(decide_next_try(rules, facts), NextTry{Step::kSameTarget});
  facts.outcome = TryOutcome::kConnectFailed;
  EXPECT_EQ(decide_next_try(rules, facts), NextTry{Step::kAnotherTarget});
  // Where the rules permit no retry, nothing is said about the budget.
  facts.outcome = TryOutcome::kFailed;
  facts.retries = 2;
  EXPECT_EQ(decide_next_try(rules, facts), NextTry{});
}

TEST(NextTryTest, AHedgeNeedsASilentTargetAnotherOneTimeAndTheBudget) {
  const HedgeFacts kAll{.is_awaited = true, .has_target = true, .has_budget = true, .time_left = kLong};
  EXPECT_EQ(decide_hedge(kAll), NextHedge{.begins = true});
  HedgeFacts facts = kAll;
  facts.is_awaited = false;
  EXPECT_EQ(decide_hedge(facts), NextHedge{});
  facts = kAll;
  facts.has_target = false;
  EXPECT_EQ(decide_hedge(facts), NextHedge{});
  facts = kAll;
  facts.time_left = Milliseconds(0);
  EXPECT_EQ(decide_hedge(facts), NextHedge{});
  facts = kAll;
  facts.has_budget = false;
  EXPECT_EQ(decide_hedge(facts), NextHedge{.note = "hedge_budget_spent"});
  facts.has_target = false;
  EXPECT_EQ(decide_hedge(facts), NextHedge{});
}

}  // namespace
}  // namespace portcullis::proxy
