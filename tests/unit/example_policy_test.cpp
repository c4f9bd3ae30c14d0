// What a policy declares in its folder is all that the gateway needs of it.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "control/load_config.h"
#include "control/snapshot.h"
#include "example_policy/example.h"
#include "example_policy/reasons.h"
#include "example_policy/tally.h"
#include "exchange_world.h"
#include "policy/registry.h"
#include "telemetry/live_view.h"

namespace portcullis {
namespace {

using policy::example::Tally;
using Life = std::vector<std::string>;

// The line of the registry.
class AddsExample final : public ::testing::Environment {
  void SetUp() override { policy::add_kind(policy::example::kind()); }
};
[[maybe_unused]] const auto* const kAdded = ::testing::AddGlobalTestEnvironment(new AddsExample);

const policy::OperatorAction* find_action(std::string_view path) {
  const auto all = policy::operator_actions();
  const auto found =
      std::find_if(all.begin(), all.end(), [path](const auto* one) { return one->path == path; });
  return found == all.end() ? nullptr : *found;
}

// A route without an upstream, which only a policy that answers every request may have.
std::string with_limit(int limit, const std::string& more) {
  return "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:9000\"}]\n"
         "routes:\n  - {name: r, match: {path_prefix: /}, policies: [example: {limit: " +
         std::to_string(limit) + more + "}]}\n";
}

class ExamplePolicy : public proxy::ExchangeWorld {
 protected:
  void SetUp() override { Tally::life().clear(); }

  // Compiles a configuration, as a start or a reload does.
  std::shared_ptr<const proxy::Snapshot> load(int limit, const std::string& more = "") {
    config::Diagnostics diagnostics;
    const auto config = control::load_config_text(with_limit(limit, more), "c.yaml", diagnostics);
    for (const config::Diagnostic& one : diagnostics.sorted()) found.push_back(one.check);
    if (!config) return nullptr;
    auto compiled = control::compile_snapshot(*config, ++revision, metrics, *services, kept);
    services->settle();
    return compiled ? *compiled : nullptr;
  }
  // An exchange on a route with the policies of `snapshot`, which a client begins with `request`.
  void serve(const proxy::Snapshot& snapshot, std::string_view request) {
    policies = snapshot.routes[0].policies;
    build();
    begin(request);
  }
  // The body of the answer, or the reason of the refusal.
  std::string ask(const proxy::Snapshot& snapshot) {
    Arena arena;
    http::RequestHead request;
    http::ResponseHead response;
    policy::Context context(loop_, arena, request, response);
    const policy::Decision decision = snapshot.routes[0].policies.at(0)->on_request(context);
    return std::string(decision.kind == policy::Decision::Kind::kAnswer ? *decision.text
                                                                        : decision.reason->name);
  }
  bool page_has(const std::string& line) const {
    return metrics.scrape(telemetry::States{}).find("\n" + line + "\n") != std::string::npos;
  }

  std::unique_ptr<policy::Services> services =
      std::make_unique<policy::Services>(1, loop_, metrics.of_policies());
  control::Kept kept{control::TlsState([](Level, const std::string&) {})};
  uint64_t revision = 0;
  Life found{};  // the checks that warn
};

TEST_F(ExamplePolicy, IsLoadedAndAnswersOnARouteWithoutAnUpstream) {
  const auto snapshot = load(10);
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(ask(*snapshot), "1");
  EXPECT_EQ(found, Life{});
}

TEST_F(ExamplePolicy, ItsMetricsAreOnThePageAndInTheLiveView) {
  const auto snapshot = load(10);
  ASSERT_NE(snapshot, nullptr);
  telemetry::LiveView view(metrics);
  (void)ask(*snapshot);
  view.sample(Clock::now());
  EXPECT_TRUE(page_has("portcullis_example_answers_total{route=\"r\"} 1"));
  EXPECT_TRUE(page_has("portcullis_example_limit 10"));
  const nlohmann::json told = view.describe(telemetry::States{})["metrics"];
  ASSERT_EQ(told.size(), 2u) << told;
  EXPECT_EQ(told[0]["name"], "portcullis_example_answers_total");
  EXPECT_EQ(told[0]["series"][0]["labels"]["route"], "r");
  EXPECT_EQ(told[1]["series"][0]["value"], 10);
}

TEST_F(ExamplePolicy, AnExchangeIsAnsweredAndCounted) {
  const auto snapshot = load(10);
  ASSERT_NE(snapshot, nullptr);
  serve(*snapshot, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 200 ")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n1")) << client->received;
  EXPECT_TRUE(page_has("portcullis_example_answers_total{route=\"r\"} 1"));
  EXPECT_EQ(services->get<Tally>().taken(), 1u);
}

TEST_F(ExamplePolicy, AnExchangeIsRefusedForItsReason) {
  const auto snapshot = load(0);
  ASSERT_NE(snapshot, nullptr);
  serve(*snapshot, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  run_to_end();
  EXPECT_EQ(status, 429);
  EXPECT_EQ(ended, &policy::example::kReasons.example_over);
}

TEST_F(ExamplePolicy, ItsStagesCountTheBytesOfBothBodiesOfAnExchange) {
  const auto snapshot = load(10, ", answer: false");
  ASSERT_NE(snapshot, nullptr);
  serve(*snapshot, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345");
  EXPECT_TRUE(has(backends[0]->received, "12345")) << backends[0]->received;
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n123");
  run_to_end();
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n123")) << client->received;
  EXPECT_TRUE(page_has("portcullis_example_bytes_total 8"));
}

TEST_F(ExamplePolicy, AReloadKeepsItsCounterAndItsEngine) {
  const auto before = load(10);
  ASSERT_NE(before, nullptr);
  (void)ask(*before);
  const auto reloaded = load(2);
  ASSERT_NE(reloaded, nullptr);
  EXPECT_EQ(ask(*reloaded), "2");
  EXPECT_EQ(ask(*before), "example_over");  // of an exchange that began before the reload
  EXPECT_TRUE(page_has("portcullis_example_answers_total{route=\"r\"} 2"));
  EXPECT_TRUE(page_has("portcullis_example_limit 2"));
}

TEST_F(ExamplePolicy, ItsEngineIsStartedReloadedAndStopped) {
  ASSERT_NE(load(10), nullptr);
  ASSERT_NE(load(2), nullptr);
  services->stop();
  EXPECT_EQ(Tally::life(), (Life{"start", "settle", "reload", "settle", "stop"}));
  services.reset();
  EXPECT_EQ(Tally::life().back(), "end");
}

TEST_F(ExamplePolicy, ItsEngineStartsWithTheProcess) {
  config::Config config;
  config.limits.memory = config.cache.memory = 1 << 20;
  ASSERT_TRUE(policy::start_engines(config, *services));
  EXPECT_EQ(Tally::life(), Life{"start"});
  ASSERT_NE(load(10), nullptr);
  EXPECT_EQ(Tally::life(), (Life{"start", "reload", "settle"}));
  services->stop();
}

TEST_F(ExamplePolicy, ItsFiguresAreInTheLiveDocument) {
  ASSERT_NE(load(10), nullptr);
  telemetry::LiveView view(metrics);
  view.sample(Clock::now());
  nlohmann::json told;
  policy::add_figures(view, told);
  EXPECT_EQ(told["example"]["limit"], 10);
}

TEST_F(ExamplePolicy, OperatorsCanActOnItsEngine) {
  const auto snapshot = load(10);
  ASSERT_NE(snapshot, nullptr);
  (void)ask(*snapshot);
  const policy::OperatorAction* action = find_action("/example/clear");
  ASSERT_NE(action, nullptr);
  EXPECT_FALSE(action->act("a=b", *services));
  EXPECT_EQ(*action->act("", *services), (nlohmann::json{{"cleared", 1}}));
  EXPECT_EQ(ask(*snapshot), "1");
}

TEST_F(ExamplePolicy, ItsWarningAndItsReasonsAreKnown) {
  ASSERT_NE(load(0), nullptr);
  EXPECT_EQ(found, Life{"example_of_none"});
  const auto& tables = policy::reason_tables();
  EXPECT_TRUE(std::any_of(tables.begin(), tables.end(),
                          [](const policy::ReasonTable& table) { return table.policy == "example"; }));
}

}  // namespace
}  // namespace portcullis
