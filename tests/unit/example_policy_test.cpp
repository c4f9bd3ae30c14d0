// What a policy declares in its folder is all that the gateway needs of it.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "../support/run_task.h"
#include "control/load_config.h"
#include "control/snapshot.h"
#include "example_policy/example.h"
#include "example_policy/tally.h"
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

// A route without an upstream, which only a policy that answers every request may have.
std::string with_limit(int limit, const std::string& more) {
  return "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:9000\"}]\n"
         "routes:\n  - {name: r, match: {path_prefix: /}, policies: [example: {limit: " +
         std::to_string(limit) + more + "}]}\n";
}

class ExamplePolicy : public ::testing::Test {
 protected:
  void SetUp() override { Tally::life().clear(); }

  // Compiles a configuration, as a start or a reload does.
  std::shared_ptr<const proxy::Snapshot> load(int limit, const std::string& more = "") {
    config::Diagnostics diagnostics;
    const auto config = control::load_config_text(with_limit(limit, more), "c.yaml", diagnostics);
    for (const config::Diagnostic& one : diagnostics.sorted()) found.push_back(one.check);
    if (!config) return nullptr;
    auto compiled = control::compile_snapshot(*config, ++version, metrics, *services, kept);
    services->settle();
    return compiled ? *compiled : nullptr;
  }
  // The body of the answer, or the reason of the refusal.
  std::string ask(const proxy::Snapshot& snapshot) {
    Arena arena;
    http::RequestHead request;
    http::ResponseHead response;
    policy::Context context(loop, arena, request, response);
    const policy::Decision decision = snapshot.routes.at(0).policies.at(0)->on_request(context);
    return std::string(decision.kind == policy::Decision::Kind::kAnswer ? decision.text
                                                                        : decision.reason->name);
  }
  bool page_has(const std::string& line) const {
    return metrics.scrape(telemetry::States{}).find("\n" + line + "\n") != std::string::npos;
  }

  EventLoop loop;
  telemetry::Registry metrics{1};
  std::unique_ptr<policy::Services> services =
      std::make_unique<policy::Services>(1, loop, metrics.of_policies());
  control::Kept kept{control::TlsState([](Level, const std::string&) {})};
  uint64_t version = 0;
  Life found;  // the checks that warn
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

TEST_F(ExamplePolicy, ItsStagesCountTheBytesOfBothBodies) {
  const auto snapshot = load(10, ", answer: false");
  ASSERT_NE(snapshot, nullptr);
  Arena arena;
  http::RequestHead request;
  request.body = {http::BodyKind::kLength, 5};
  http::ResponseHead response;
  policy::Context context(loop, arena, request, response);
  const policy::PolicyPointer& example = snapshot->routes.at(0).policies.at(0).policy;
  EXPECT_EQ(example->on_request(context).kind, policy::Decision::Kind::kContinue);
  EXPECT_TRUE(request.body.has_length());  // the stage does not change the body
  const auto uploaded = context.request_stages.behind(std::make_unique<http::TextBody>("12345"));
  EXPECT_TRUE(tests::run_to_end(loop, http::discard_body(*uploaded)));
  context.response_body.begin("123");
  EXPECT_EQ(example->on_response(context).kind, policy::Decision::Kind::kContinue);
  EXPECT_TRUE(tests::run_to_end(loop, context.response_body.hold(3)));
  EXPECT_EQ(context.response_body.text(), "123");
  EXPECT_TRUE(page_has("portcullis_example_bytes_total 8"));
}

TEST_F(ExamplePolicy, AReloadKeepsItsCounterAndItsEngine) {
  const auto before = load(10);
  ASSERT_NE(before, nullptr);
  (void)ask(*before);
  const auto after = load(2);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(ask(*after), "2");
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

TEST_F(ExamplePolicy, ItsWarningAndItsReasonsAreKnown) {
  ASSERT_NE(load(0), nullptr);
  EXPECT_EQ(found, Life{"example_of_none"});
  const auto& tables = policy::reason_tables();
  EXPECT_TRUE(std::any_of(tables.begin(), tables.end(),
                          [](const policy::ReasonTable& table) { return table.policy == "example"; }));
}

}  // namespace
}  // namespace portcullis
