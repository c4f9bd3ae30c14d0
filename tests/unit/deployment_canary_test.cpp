// A canary beside the revision in force, with workers that serve clients.
#include <nlohmann/json.hpp>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "base/sanitizers.h"
#include "deployment_world.h"
#include "telemetry/process.h"

namespace portcullis::control {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kTelling = "revision_header: x-revision\n";
constexpr const char* kByUser = "{request.header.x-user}";

// Clients that ask as long as the object exists.
class Load {
 public:
  using Ask = std::function<std::string(const std::string& fields)>;

  Load(const Ask& ask, std::function<void(const std::string& response)> receive) {
    for (int i = 0; i < 3; ++i)
      threads_.emplace_back([this, ask, receive, i] {
        for (int user = i; !ends_; user += 3) receive(ask("x-user: " + std::to_string(user) + "\r\n"));
      });
  }
  ~Load() {
    ends_ = true;
    for (std::thread& one : threads_) one.join();
  }

 private:
  std::atomic<bool> ends_{false};
  std::vector<std::thread> threads_;
};

class DeploymentCanaryTest : public DeploymentWorld {
 protected:
  Status begin(config::Config config, proxy::CanaryRules rules) {
    rules.by = kByUser;
    return run(canary.begin(std::move(config), std::move(rules), 2));
  }
  Load::Ask asker() {
    return [this](const std::string& fields) { return ask(fields); };
  }
};

TEST_F(DeploymentCanaryTest, IsWithdrawnWithinASecondWhenItsUpstreamFails) {
  start(config(answering(200), kTelling));
  std::array<std::atomic<int>, 3> failed{};
  std::atomic<int64_t> rule_met{0};
  CanaryNews last;
  Clock::time_point ended_at{};
  canary.observe([&](const CanaryNews& news) {
    last = news;
    if (news.kind != CanaryNews::Kind::kStarted) ended_at = Clock::now();
  });
  Load load(asker(), [&](const std::string& response) {
    const size_t revision = is_of(response, 1) ? 1 : is_of(response, 2) ? 2 : 0;
    // The 50th failure is the latest moment at which the rule is met.
    if (!has_status(response, 200) && ++failed.at(revision) == 50 && revision == 2)
      rule_met = Clock::now().time_since_epoch().count();
  });
  const std::string objects =
      "upstreams: [{name: broken, targets: [{address: \"127.0.0.1:1\"}]}]\n"
      "routes: [{name: all, match: {path_prefix: /}, upstream: broken}]\n";
  ASSERT_EQ(error_of(begin(config(objects, kTelling), {.share = {2'000}, .for_time = minutes(5)})), "");
  EXPECT_EQ(canary.revision(), 2u);
  ASSERT_TRUE(wait_for([&] { return canary.revision() == 0; }));
  EXPECT_EQ(last.kind, CanaryNews::Kind::kWithdrawn);
  EXPECT_EQ(last.revision, 2u);
  EXPECT_EQ(last.base, 1u);
  EXPECT_NE(last.reason.find("requests failed, more than 5%"), std::string::npos) << last.reason;
  if (rule_met != 0) {
    EXPECT_LT(ended_at.time_since_epoch().count() - rule_met, Clock::duration(seconds(1)).count());
  }
  const int before = failed[2];
  ASSERT_TRUE(wait_for([&] { return is_of(ask("x-user: 1\r\n"), 1); }));
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(is_of(ask("x-user: " + std::to_string(i) + "\r\n"), 1));
  EXPECT_LE(failed[2] - before, 10);  // those that had begun
  EXPECT_EQ(failed[0] + failed[1], 0);
  EXPECT_EQ(deployment.revision(), 1u);
}

TEST_F(DeploymentCanaryTest, IsPromotedWithoutAFailedRequest) {
  start(config(answering(200), kTelling));
  std::atomic<int> failed{0}, of_base{0}, of_canary{0};
  Load load(asker(), [&](const std::string& response) {
    if (!has_status(response, 200)) ++failed;
    if (is_of(response, 1)) ++of_base;
    if (is_of(response, 2)) ++of_canary;
  });
  ASSERT_EQ(error_of(begin(config(answering(200), kTelling),
                           {.share = {5'000}, .for_time = Milliseconds(1'500), .promote = true})),
            "");
  ASSERT_TRUE(wait_for([&] { return of_base > 50 && of_canary > 50; }));
  ASSERT_TRUE(wait_for([&] { return deployment.revision() == 2; }));
  const int before = of_base;
  const int so_far = of_canary;
  ASSERT_TRUE(wait_for([&] { return of_canary > so_far + 300; }));
  EXPECT_LE(of_base - before, 10);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(canary.revision(), 0u);
}

TEST_F(DeploymentCanaryTest, KeepsEachKeyOnItsSide) {
  start(config(answering(200), kTelling));
  ASSERT_EQ(error_of(begin(config(answering(200), kTelling), {.share = {5'000}, .for_time = minutes(5)})),
            "");
  const proxy::CanaryChoice& choice = *deployment.canary()->choice;
  ASSERT_TRUE(wait_for([&] { return is_of(ask("x-user: 0\r\n"), choice.takes("0") ? 2 : 1); }));
  for (int round = 0; round < 4; ++round)
    for (int i = 0; i < 40; ++i) {
      const std::string user = std::to_string(i);
      EXPECT_TRUE(is_of(ask("x-user: " + user + "\r\n"), choice.takes(user) ? 2 : 1)) << user;
    }
  EXPECT_TRUE(is_of(ask(""), 1));
}

TEST_F(DeploymentCanaryTest, OnlyOneIsOnAndNothingElseIsPublishedMeanwhile) {
  start(config(answering(200)));
  ASSERT_EQ(error_of(begin(config(answering(204)), {.share = {100}, .for_time = minutes(5)})), "");
  const std::string why = "revision 2 is a canary: promote it or withdraw it before another change";
  EXPECT_EQ(error_of(begin(config(answering(204)), {.share = {100}, .for_time = minutes(5)})), why);
  EXPECT_EQ(error_of(run(deployment.publish(config(answering(204)), 3, nullptr))), why);
  EXPECT_EQ(error_of(canary.withdraw("asked by a test")), "");
  EXPECT_EQ(error_of(canary.withdraw("asked by a test")), "there is no canary");
  EXPECT_EQ(error_of(canary.promote("asked by a test")), "there is no canary");
  EXPECT_EQ(error_of(run(deployment.publish(config(answering(204)), 3, nullptr))), "");
  EXPECT_EQ(deployment.revision(), 3u);
}

TEST_F(DeploymentCanaryTest, ASettingOfTheNodeThatDiffersIsRefused) {
  start(config(answering(200)));
  const std::string why = error_of(
      begin(config(answering(200), "drain_timeout: 7s\n"), {.share = {100}, .for_time = minutes(5)}));
  EXPECT_NE(why.find("but `drain_timeout` differs"), std::string::npos) << why;
}

TEST_F(DeploymentCanaryTest, TheLastRequestBeforeALimitIsTheSameWithACanary) {
  const std::string consumers =
      "consumers: [{name: shop, credentials: {keys: [{hash: "
      "\"sha256:8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a\"}]}}]\n";
  const std::string policies =
      "rate_limit: {name: all, limit: 10/hour, key: client.address}}, {key_auth: {}}, {";
  const std::string objects = consumers + "routes: [{name: all, match: {path_prefix: /}, policies: [{" +
                              policies + "respond: {status: 200}}]}]\n";
  start(config(objects, kTelling));
  ASSERT_EQ(error_of(run(canary.begin(config(objects, kTelling),
                                      {.share = {10'000}, .by = "consumer", .for_time = minutes(5)}, 2))),
            "");
  ASSERT_TRUE(wait_for([&] { return fleet.size() == 2; }));
  std::vector<std::string> answers;
  for (int i = 0; i < 11; ++i) answers.push_back(ask("x-api-key: k\r\n"));
  for (size_t i = 0; i < 10; ++i) EXPECT_TRUE(has_status(answers[i], 200)) << i << "\n" << answers[i];
  EXPECT_TRUE(is_of(answers[9], 2)) << answers[9];
  EXPECT_TRUE(has_status(answers[10], 429)) << answers[10];
}

TEST_F(DeploymentCanaryTest, ShowsItsStateAndItsSeriesOnlyWhileItIsOn) {
  start(config(answering(200)));
  EXPECT_TRUE(canary.state().is_null());
  ASSERT_EQ(error_of(begin(config(answering(500)), {.share = {10'000}, .for_time = minutes(5)})), "");
  ASSERT_TRUE(wait_for([&] { return has_status(ask("x-user: ann\r\n"), 500); }));
  ASSERT_TRUE(wait_for([&] { return canary.state()["counts"]["canary"]["errors"] >= 1; }));
  const nlohmann::json state = canary.state();
  EXPECT_EQ(state["revision"], 2);
  EXPECT_EQ(state["base"], 1);
  EXPECT_EQ(state["share"], "100%");
  EXPECT_EQ(state["withdraw_when"]["min_requests"], 50);
  const auto page = [this] { return deployment.metrics().scrape(telemetry::States()); };
  EXPECT_NE(page().find("portcullis_revision_requests_total{revision=\"2\",status=\"5xx\"}"),
            std::string::npos);
  EXPECT_NE(page().find("portcullis_canary_revision 2"), std::string::npos);
  EXPECT_EQ(error_of(canary.withdraw("asked by a test")), "");
  EXPECT_EQ(page().find("revision=\"2\""), std::string::npos);
  EXPECT_NE(page().find("portcullis_revision 1"), std::string::npos);
}

TEST_F(DeploymentCanaryTest, AHundredCanariesLeaveNothingBehind) {
  start(config(answering(200)));
  std::vector<std::weak_ptr<const proxy::Snapshot>> snapshots;
  double after_first = 0;
  for (int i = 0; i < 120; ++i) {
    const std::string name = "u" + std::to_string(i);
    const std::string objects = "upstreams: [{name: " + name + ", targets: [{address: \"127.0.0.1:1\"}]}]\n" +
                                "routes: [{name: all, match: {path_prefix: /}, upstream: " + name + "}]\n";
    ASSERT_EQ(error_of(begin(config(objects), {.share = {5'000}, .for_time = minutes(5)})), "");
    snapshots.push_back(deployment.canary()->snapshot);
    ask("x-user: 1\r\n");
    EXPECT_EQ(error_of(canary.withdraw("asked by a test")), "");
    ASSERT_TRUE(wait_for([&] { return snapshots.back().expired(); }));
    if (i == 20) after_first = telemetry::read_process_state().resident_bytes;
  }
  EXPECT_TRUE(deployment.kept().upstreams.empty());
  // A sanitizer keeps freed memory for a while, to detect its misuse, and finds leaks by itself.
  if (!kSanitized) {
    EXPECT_LT(telemetry::read_process_state().resident_bytes - after_first, 2 << 20);
  }
}

}  // namespace
}  // namespace portcullis::control
