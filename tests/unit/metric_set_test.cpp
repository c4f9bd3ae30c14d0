#include "telemetry/metric_set.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

#include "telemetry/live_view.h"
#include "telemetry/metrics.h"

namespace portcullis::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(MetricSet, AddsWhatEachWorkerCounts) {
  MetricSet metrics(3);
  const MetricCounter counter = metrics.counter("things_total", "Things.", {{"route", "a"}});
  counter.add(0);
  counter.add(1, 10);
  counter.add(2, 100);
  EXPECT_EQ(metrics.value_of("things_total", {{"route", "a"}}), 111);
  EXPECT_EQ(metrics.value_of("things_total", {{"route", "b"}}), 0);
  EXPECT_EQ(metrics.value_of("others_total"), 0);
}

TEST(MetricSet, ASeriesThatIsRegisteredAgainKeepsItsCount) {
  MetricSet metrics(1);
  const MetricCounter before = metrics.counter("things_total", "Things.", {{"route", "a"}});
  before.add(0, 5);
  for (int i = 0; i < 1'000; ++i) metrics.counter("things_total", "Things.", {{"route", std::to_string(i)}});
  const MetricCounter after = metrics.counter("things_total", "Things.", {{"route", "a"}});
  after.add(0);
  before.add(0);  // of an exchange that began before the reload
  EXPECT_EQ(metrics.value_of("things_total", {{"route", "a"}}), 7);
}

TEST(MetricSet, ReadsAGaugeWhenItIsLookedAt) {
  MetricSet metrics(2);
  double bytes = 1;
  metrics.gauge("bytes", "Bytes.", {}, [&bytes] { return bytes; });
  bytes = 42;
  EXPECT_EQ(metrics.value_of("bytes"), 42);
}

TEST(MetricSet, ALaterReaderReplacesTheEarlier) {
  MetricSet metrics(1);
  metrics.counter("lost_total", "Lost.", {}, [] { return 1.0; });
  metrics.counter("lost_total", "Lost.", {}, [] { return 2.0; });
  EXPECT_EQ(metrics.value_of("lost_total"), 2);
}

TEST(MetricSet, RefusesAMetricOfTwoTypes) {
  MetricSet metrics(1);
  metrics.counter("things", "Things.");
  EXPECT_THROW(metrics.gauge("things", "Things.", {}, [] { return 0.0; }), std::logic_error);
}

TEST(MetricSet, NoTwoWorkersCountOnOneCacheLine) {
  MetricSet metrics(2);
  metrics.counter("things_total", "Things.");
  const std::vector<Counter*>& shards = metrics.all().at("things_total").series.at({}).shards;
  ASSERT_EQ(shards.size(), 2u);
  const auto line = [](const Counter* one) { return reinterpret_cast<uintptr_t>(one) / 64; };
  EXPECT_NE(line(shards[0]), line(shards[1]));
}

TEST(MetricSet, IsOnTheMetricsPage) {
  Registry registry(2);
  registry.of_policies().counter("things_total", "Things, by colour.", {{"colour", "red"}}).add(1, 3);
  registry.of_policies().gauge("bytes", "Bytes.", {}, [] { return 7.0; });
  const std::string page = registry.scrape(States{});
  EXPECT_NE(page.find("# HELP portcullis_things_total Things, by colour.\n"
                      "# TYPE portcullis_things_total counter\n"
                      "portcullis_things_total{colour=\"red\"} 3\n"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("# TYPE portcullis_bytes gauge\nportcullis_bytes 7\n"), std::string::npos) << page;
}

TEST(MetricSet, IsInTheLiveView) {
  Registry registry(1);
  const MetricCounter red = registry.of_policies().counter("things_total", "Things.", {{"colour", "red"}});
  registry.of_policies().counter("things_total", "Things.", {{"colour", "blue"}});
  registry.of_policies().gauge("bytes", "Bytes.", {}, [] { return 7.0; });
  LiveView view(registry);
  red.add(0, 10);
  view.sample(Clock::time_point(1s));
  const nlohmann::json told = view.describe(States{})["metrics"];
  const nlohmann::json expected = nlohmann::json::parse(R"([
      {"name": "portcullis_bytes", "type": "gauge", "help": "Bytes.", "series": [{"labels": {}, "value": 7}]},
      {"name": "portcullis_things_total", "type": "counter", "help": "Things.",
       "series": [{"labels": {"colour": "red"}, "value": 10, "rate": 10}]}])");
  EXPECT_EQ(told, expected) << told.dump(2);
}

TEST(LiveView, TellsTheShareOfAMetric) {
  Registry registry(1);
  const auto of = [&](const char* outcome) {
    return registry.of_policies().counter("asked_total", "Asked.", {{"route", "a"}, {"outcome", outcome}});
  };
  const MetricCounter hit = of("hit"), miss = of("miss"), other = of("other");
  LiveView view(registry, {"asked_total", "outcome", {"hit"}, {"miss"}});
  view.sample(Clock::time_point(1s));
  EXPECT_EQ(view.share(), -1);
  hit.add(0, 30);
  miss.add(0, 10);
  other.add(0, 1'000);
  view.sample(Clock::time_point(2s));
  EXPECT_NEAR(view.share(), 0.75, 0.001);
  EXPECT_NEAR(view.history().back()[6].get<double>(), 0.75, 0.001);
}

}  // namespace
}  // namespace portcullis::telemetry
