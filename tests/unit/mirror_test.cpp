// The policy `mirror` in an exchange: which request is copied, when, and what the copy is.
#include "control/load_config.h"
#include "control/snapshot.h"
#include "exchange_policies.h"
#include "http/text_body.h"

namespace portcullis::proxy {
namespace {

class MirrorTest : public ExchangePolicies {
 protected:
  // Copies in progress use the services.
  ~MirrorTest() override { end(); }

  // Adds the policy. The copies go to the upstream of the request.
  void add_mirror(const std::string& more = "") {
    config::Diagnostics diagnostics;
    const auto config = control::load_config_text(
        "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:9000\"}]\n"
        "upstreams: [{name: backend, targets: [{address: \"127.0.0.1:9001\"}]}]\n"
        "routes:\n  - {name: r, match: {path_prefix: /}, upstream: backend, policies: [mirror: {upstream: "
        "backend" +
            more + "}]}\n",
        "c.yaml", diagnostics);
    ASSERT_TRUE(config);
    const auto compiled = control::compile_snapshot(*config, 1, metrics, *services, kept);
    ASSERT_TRUE(compiled);
    policies.push_back((*compiled)->routes[0].policies.at(0));
  }
  // Each target has one more connection, for the copy.
  void build_for_copies(size_t targets = 1) {
    build(targets);
    for (upstream::Target* target : std::vector(open)) add_connection(*target);
  }
  // The number of the connection on which a target has received the request.
  size_t asked() const {
    size_t at = 0;
    while (at + 1 < backends.size() && backends[at]->received.empty()) ++at;
    return at;
  }
  void answer() {
    backends[asked()]->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    settle();
  }
  // The target answers, and the exchange ends.
  void finish() {
    answer();
    run_to_end();
    settle();
  }
  // The number of copies with this outcome.
  std::string copies(const std::string& outcome) const {
    const std::string page = metrics.scrape(telemetry::States{});
    const std::string name =
        "\nportcullis_mirrored_requests_total{upstream=\"backend\",outcome=\"" + outcome + "\"} ";
    const size_t at = page.find(name);
    if (at == std::string::npos) return "none";
    return page.substr(at + name.size(), page.find('\n', at + 1) - at - name.size());
  }
  // What the targets have received of copies.
  std::string copied() const {
    for (const auto& backend : backends) {
      if (!has(backend->received, "x-mirrored: true")) continue;
      return backend->received.substr(backend->received.rfind("PUT ", backend->received.find("x-mirrored")));
    }
    return "";
  }
  // The target of the copy answers.
  void answer_copy(std::string_view response) {
    for (const auto& backend : backends) {
      if (has(backend->received, "x-mirrored: true")) backend->send(response);
    }
    settle();
  }

  std::unique_ptr<policy::Services> services =
      std::make_unique<policy::Services>(1, loop(), metrics.of_policies());
  control::Kept kept{control::TlsState([](Level, const std::string&) {})};
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

TEST_F(MirrorTest, TheCopyFollowsTheResponseOfTheTarget) {
  add_mirror();
  build_for_copies();
  post("ab");
  EXPECT_EQ(copied(), "");
  finish();
  EXPECT_TRUE(has(copied(), "content-length: 2\r\n")) << copied();
  EXPECT_TRUE(copied().ends_with("\r\n\r\nab")) << copied();
  EXPECT_EQ(copies("answered"), "0");
  answer_copy(kOk);
  EXPECT_EQ(copies("answered"), "1");
  EXPECT_EQ(log_lines, 1);
}

TEST_F(MirrorTest, TheCopyHasWhatStagesMakeOfABody) {
  add_mirror();
  add_request_letters(2);
  build_for_copies();
  post("ab");
  finish();
  EXPECT_TRUE(copied().ends_with("\r\n\r\naabb")) << copied();
}

TEST_F(MirrorTest, TheCopyHasWhatAPolicyBehindTheMirrorPutsInPlaceOfAHeldBody) {
  add_mirror();
  add_request_holder(100, [](Context& context) {
    context.request_body.holder->replace("xyz");
    return Decision::proceed();
  });
  build_for_copies();
  post("ab");
  finish();
  EXPECT_TRUE(copied().ends_with("\r\n\r\nxyz")) << copied();
}

TEST_F(MirrorTest, TheCopyWaitsForTheRestOfABodyWhoseResponseCameEarly) {
  add_mirror();
  build_for_copies();
  post("ab", "cd");
  backends[asked()]->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1");
  settle();
  EXPECT_EQ(copied(), "");
  client->send("cd");
  settle();
  EXPECT_TRUE(copied().ends_with("\r\n\r\nabcd")) << copied();
}

TEST_F(MirrorTest, ARetryDoesNotDoubleTheBody) {
  definition->retries = {.attempts = 1, .backoff = Milliseconds(0)};
  add_mirror();
  build_for_copies(2);
  post("ab");
  const std::shared_ptr<MemoryEnd> first = backends[asked()];
  ASSERT_TRUE(first->received.ends_with("\r\n\r\nab"));
  first->received.clear();
  first->reset();
  settle(Milliseconds(20));
  ASSERT_TRUE(backends[asked()]->received.ends_with("\r\n\r\nab"));
  finish();
  EXPECT_TRUE(has(copied(), "content-length: 2\r\n")) << copied();
}

// Hedges: several targets get the body at the same time, and none of them is ahead in all places.
TEST_F(MirrorTest, BodiesThatSeveralTargetsGetAreCopiedOnce) {
  add_mirror();
  add(no_decision, [](Context& context) {
    const auto begin = [&context] {
      return context.request_body.stages.observed(std::make_unique<http::TextBody>("cd"));
    };
    const auto read = [](http::BodySource& source) {
      http::BodyPart part;
      EXPECT_EQ(source.next(part), http::BodySource::State::kPart);
    };
    const auto first = begin(), second = begin(), unread = begin();
    read(*second);
    read(*first);
    return Decision::proceed();
  });
  build_for_copies();
  post("ab");
  finish();
  EXPECT_TRUE(copied().ends_with("\r\n\r\nab")) << copied();
  EXPECT_TRUE(has(copied(), "content-length: 2\r\n")) << copied();
}

TEST_F(MirrorTest, ARequestThatTheCircuitBreakerRefusesIsNotCopied) {
  definition->limits.requests = 1;
  add_mirror();
  build_for_copies();
  {
    const auto taken = definition->breaker->take(upstream::Load::kRequests, definition->limits);
    get();
    run_to_end();
    EXPECT_EQ(ended, &kEnds.breaker_requests);
  }
  settle();
  for (const auto& backend : backends) EXPECT_EQ(backend->received, "");
  EXPECT_EQ(copies("answered"), "0");
  EXPECT_EQ(copies("failed"), "0");
}

TEST_F(MirrorTest, ARequestThatReachesNoTargetIsNotCopied) {
  sockets.connect_error = ECONNREFUSED;
  add_mirror();
  build_for_copies();
  std::vector<std::unique_ptr<upstream::Connection>> taken;
  for (size_t i = 0; i < backends.size(); ++i) taken.push_back(open[0]->take());
  get();
  run_to_end();
  settle();
  EXPECT_EQ(ended, &kEnds.connect_refused);
  EXPECT_EQ(copies("failed"), "0");
  EXPECT_EQ(copies("dropped"), "0");
}

TEST_F(MirrorTest, ARequestThatAPolicyAnswersIsNotCopied) {
  add_mirror();
  add([](Context& context) {
    context.response.status = 200;
    return Decision::answer("own");
  });
  build_for_copies();
  post("ab");
  run_to_end();
  settle();
  EXPECT_EQ(copied(), "");
  EXPECT_EQ(copies("dropped"), "0");
}

TEST_F(MirrorTest, ARequestWhoseClientLeavesBeforeTheResponseIsNotCopied) {
  add_mirror();
  build_for_copies();
  post("ab");
  client->reset();
  run_to_end();
  settle();
  EXPECT_EQ(copied(), "");
}

TEST_F(MirrorTest, ABodyLargerThanTheLimitIsDropped) {
  add_mirror(", body_size: 2B");
  build_for_copies();
  post("abc");
  finish();
  EXPECT_EQ(copied(), "");
  EXPECT_EQ(copies("dropped"), "1");
}

TEST_F(MirrorTest, AResponseToACopyThatNeverEndsIsGivenUp) {
  add_mirror();
  build_for_copies();
  post("ab");
  finish();
  definition->timeouts.response = Milliseconds(30);
  answer_copy("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
  while (copies("failed") != "1" && Clock::now() < deadline) {
    answer_copy("x");
    loop().run_once(Milliseconds(1));
  }
  EXPECT_EQ(copies("failed"), "1");
}

TEST_F(MirrorTest, ACopyThatIsNotAnsweredWhenTheWorkerStopsHasFailed) {
  add_mirror();
  build_for_copies();
  post("ab");
  finish();
  ASSERT_NE(copied(), "");
  end();
  EXPECT_EQ(copies("failed"), "1");
}

}  // namespace
}  // namespace portcullis::proxy
