#include "telemetry/live_view.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace portcullis::telemetry {
namespace {

TEST(RateMeter, IsTheRateOfLate) {
  RateMeter meter;
  uint64_t total = 0;
  for (int second = 0; second < 60; ++second) meter.update(total += 100, 1);
  EXPECT_NEAR(meter.rate(), 100, 0.01);
  for (int second = 0; second < 5; ++second) meter.update(total, 1);
  EXPECT_NEAR(meter.rate(), 100 / std::exp(1), 1);
  for (int second = 0; second < 60; ++second) meter.update(total, 1);
  EXPECT_LT(meter.rate(), 0.01);
  EXPECT_EQ(meter.total(), total);
}

TEST(RateMeter, IsTrueFromTheBeginning) {
  RateMeter meter;
  EXPECT_EQ(meter.rate(), 0);
  meter.update(50, 1);
  EXPECT_NEAR(meter.rate(), 50, 0.01);
  meter.update(75, 0.5);
  EXPECT_NEAR(meter.rate(), 50, 0.01);
}

TEST(PercentileMeter, IsTrueToATenth) {
  Latency latency;
  for (int i = 1; i <= 1000; ++i) latency.note(std::chrono::microseconds(i * 100));
  PercentileMeter meter;
  EXPECT_LT(meter.milliseconds(0.5), 0);
  meter.add(latency);
  meter.update(1);
  EXPECT_NEAR(meter.milliseconds(0.5), 50, 5);
  EXPECT_NEAR(meter.milliseconds(0.99), 99, 10);
  EXPECT_NEAR(meter.milliseconds(0.01), 1, 0.2);
}

TEST(PercentileMeter, ForgetsWhatIsLongAgo) {
  Latency latency;
  for (int i = 0; i < 100; ++i) latency.note(std::chrono::milliseconds(100));
  PercentileMeter meter;
  meter.add(latency);
  meter.update(1);
  for (int second = 0; second < 60; ++second) {
    latency.note(std::chrono::milliseconds(1));
    meter.add(latency);
    meter.update(1);
  }
  EXPECT_LT(meter.milliseconds(0.5), 1.3);
  for (int second = 0; second < 600; ++second) {
    meter.add(latency);
    meter.update(1);
  }
  EXPECT_LT(meter.milliseconds(0.5), 0);  // there were no requests for a long time
}

// A reason as policies define it.
const EndReason kRateLimited{"rate_limited", 429, "A rate limit refused the request.", CallerLimit::kReached};

AccessEntry entry(uint16_t status, const EndReason& ended, std::chrono::microseconds took,
                  std::string_view client = "192.0.2.1") {
  AccessEntry out;
  out.request_id = "id";
  out.client = client;
  out.route = "route";
  out.status = status;
  out.ended = &ended;
  out.total = took;
  return out;
}

using namespace std::chrono_literals;

TEST(Notables, KeepWhatFails) {
  Notables notables;
  const auto is_kept = [](uint16_t status, const EndReason& ended) {
    Notables one;
    one.note(entry(status, ended, 1us), 0);
    return one.take().failed.size() == 1;
  };
  EXPECT_TRUE(is_kept(500, kEnds.complete));
  EXPECT_TRUE(is_kept(502, kEnds.connect_refused));
  EXPECT_TRUE(is_kept(0, kEnds.client_closed));
  EXPECT_TRUE(is_kept(200, kEnds.upstream_closed));
  EXPECT_FALSE(is_kept(200, kEnds.complete));
  EXPECT_FALSE(is_kept(404, kEnds.no_route));
  EXPECT_FALSE(is_kept(302, kEnds.answered_by_policy));
  EXPECT_FALSE(is_kept(101, kEnds.tunnel_closed));
}

// A gRPC call has the status 200 whether it succeeds or fails.
TEST(Notables, KeepCallsThatFail) {
  const auto is_kept = [](const EndReason& ended) {
    Notables one;
    one.note(entry(200, ended, 1us), 0);
    return one.take().failed.size() == 1;
  };
  EXPECT_TRUE(is_kept(kEnds.connect_refused));
  EXPECT_TRUE(is_kept(kEnds.response_timeout));
  EXPECT_TRUE(is_kept(kEnds.upstream_failed));
  EXPECT_TRUE(is_kept(kEnds.client_closed));
  EXPECT_FALSE(is_kept(kEnds.no_route));
  EXPECT_FALSE(is_kept(kEnds.bad_target));
  EXPECT_FALSE(is_kept(kRateLimited));
}

TEST(Notables, CountCallsThatAreLimited) {
  Notables notables;
  notables.note(entry(200, kRateLimited, 1us), 0);
  EXPECT_EQ(notables.take().limited.size(), 1u);
}

TEST(Notables, KeepTheLatestFailures) {
  Notables notables;
  for (int i = 0; i < 1000; ++i) notables.note(entry(500, kEnds.complete, std::chrono::microseconds(i)), 0);
  const auto failed = notables.take().failed;
  ASSERT_EQ(failed.size(), 64u);
  EXPECT_EQ(failed.front().took, 936us);  // oldest first
  EXPECT_EQ(failed.back().took, 999us);
  EXPECT_TRUE(notables.take().failed.empty());
}

TEST(Notables, KeepTheSlowest) {
  Notables notables;
  for (int i = 0; i < 1000; ++i) {
    const auto took = std::chrono::microseconds(i * 7919 % 1000);
    if (notables.wants(200, kEnds.complete, took, 0)) notables.note(entry(200, kEnds.complete, took), 0);
  }
  EXPECT_FALSE(notables.wants(200, kEnds.complete, 900us, 0));
  EXPECT_TRUE(notables.wants(200, kEnds.complete, 1ms, 0));
  EXPECT_FALSE(notables.wants(101, kEnds.tunnel_closed, 1h, 0));
  EXPECT_TRUE(notables.wants(200, kEnds.complete, 1us, 60));  // the earlier slow requests are too old
  auto slow = notables.take().slow;
  ASSERT_EQ(slow.size(), 16u);
  for (const Story& one : slow) EXPECT_GE(one.took, 984us);
}

TEST(Notables, CountWhoIsLimitedMost) {
  Notables notables;
  for (int i = 0; i < 10'000; ++i) {
    const std::string other = "198.51.100." + std::to_string(i % 200);
    notables.note(entry(429, kRateLimited, 1us, i % 2 == 0 ? "192.0.2.7" : other), 0);
  }
  const auto limited = notables.take().limited;
  EXPECT_EQ(limited.size(), 64u);
  const auto max = std::max_element(limited.begin(), limited.end(),
                                    [](const Limited& a, const Limited& b) { return a.times < b.times; });
  EXPECT_EQ(max->who, "192.0.2.7");
  EXPECT_EQ(max->times, 5000u);
  EXPECT_EQ(max->reason, &kRateLimited);
  EXPECT_EQ(max->route, "route");
}

TEST(LiveView, TellsWhatTheRegistryCounts) {
  Registry registry(2);
  const auto route = registry.route("orders");
  LiveView view(registry);
  Clock::time_point now{1000s};
  for (int second = 0; second < 30; ++second) {
    for (int i = 0; i < 10; ++i) {
      route[i % 2]->responses[i == 0 ? 5 : 2].add();
      route[i % 2]->duration.note(2ms);
    }
    view.sample(now += 1s);
  }
  const nlohmann::json told = view.describe(States{});
  EXPECT_NEAR(told["whole"]["rate"].get<double>(), 10, 0.1);
  EXPECT_NEAR(told["whole"]["failures"].get<double>(), 1, 0.01);
  ASSERT_EQ(told["routes"].size(), 1u);
  EXPECT_EQ(told["routes"][0]["name"], "orders");
  EXPECT_EQ(told["routes"][0]["total"], 300);
  EXPECT_EQ(told["routes"][0]["own"], -1);  // nothing was measured
  EXPECT_NEAR(told["routes"][0]["p99"].get<double>(), 2, 0.5);
  EXPECT_EQ(view.history().size(), 30u);
  EXPECT_EQ(view.series(SeriesBook::Kind::kRoute, "orders").size(), 30u);
  for (size_t i = 0; i < 2 * LiveView::kHistory; ++i) view.sample(now += 1s);
  EXPECT_EQ(view.history().size(), LiveView::kHistory);
}

TEST(LiveView, TellsConsumersAndWhatTheGatewayItselfTook) {
  Registry registry(2);
  const auto route = registry.route("orders");
  const auto consumer = registry.consumer("shop");
  registry.consumer("never");
  LiveView view(registry);
  Clock::time_point now{1000s};
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 4; ++i) {
      consumer[0]->responses[i == 0 ? 4 : 2].add();
      route[1]->responses[2].add();
      route[1]->measured.add();
      route[1]->own.add(500);
      route[1]->waited.add(20'000);
    }
    view.sample(now += 1s);
  }
  const nlohmann::json told = view.describe(States{});
  EXPECT_NEAR(told["routes"][0]["own"].get<double>(), 0.5, 0.01);
  EXPECT_NEAR(told["whole"]["waited"].get<double>(), 20, 0.1);
  ASSERT_EQ(told["consumers"].size(), 1u);
  EXPECT_EQ(told["consumers"][0]["name"], "shop");
  EXPECT_NEAR(told["consumers"][0]["client_errors"].get<double>(), 1, 0.1);
}

TEST(LiveView, KeepsSomeRefusalsOfEachKind) {
  Registry registry(1);
  LiveView view(registry);
  Notables::Batch batch;
  const auto refusal = [](uint64_t at, uint64_t kind) {
    return Story{at, 1us, kind, "{\"request_id\":\"" + std::to_string(at) + "\"}"};
  };
  batch.refused.push_back(refusal(1, 1));
  for (uint64_t at = 2; at < 500; ++at) batch.refused.push_back(refusal(at, 2));
  view.add(std::move(batch));
  const nlohmann::json refused = view.describe(States{})["refused"];
  ASSERT_EQ(refused.size(), 21u);
  EXPECT_EQ(refused.front()["request_id"], "499");
  EXPECT_EQ(refused.back()["request_id"], "1");
}

TEST(LiveView, HandsOverWhatLiveTailsAskFor) {
  Registry registry(1);
  LiveView view(registry);
  view.open_tail(7);
  EXPECT_TRUE(view.take_tail(7).is_null());
  for (uint64_t round = 0; round < 8; ++round) {
    Notables::Batch batch;
    TailPiece& piece = batch.tails.emplace_back();
    piece.id = 7;
    piece.left_out = 1;
    for (uint64_t i = 0; i < 200; ++i) piece.stories.push_back({1000 - i, 1us, 0, "{}"});
    batch.tails.push_back({.id = 8, .stories = {{1, 1us, 0, "{}"}}});  // this tail has been closed
    view.add(std::move(batch));
  }
  const nlohmann::json told = view.take_tail(7);
  EXPECT_EQ(told["requests"].size(), 1000u);
  EXPECT_EQ(told["left_out"], 608);
  EXPECT_TRUE(view.take_tail(7).is_null());
  EXPECT_TRUE(view.take_tail(8).is_null());
}

}  // namespace
}  // namespace portcullis::telemetry
