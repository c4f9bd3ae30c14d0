// Exchanges while a canary serves a share of them: the choice is made once, and it leaves no trace.
#include "exchange_policies.h"

namespace portcullis::proxy {
namespace {

// A world with the revision 1 in force, and the revision 2 as its canary. Both have a policy that charges.
class ExchangeCanaryTest : public ExchangePolicies {
 protected:
  ExchangeCanaryTest() { shop_.name = "shop"; }
  ~ExchangeCanaryTest() override { end(); }

  // Builds the world with the policies of `policies`, and gives the canary those of `fresh_`.
  void build_with_canary(const CanaryRules& rules) {
    build();
    canary_ = make_canary(rules);
  }
  std::shared_ptr<const WorkerCanary> make_canary(const CanaryRules& rules) {
    auto served = std::make_shared<WorkerSnapshot>(
        loop_, make_snapshot(2, fresh_), std::initializer_list<const WorkerSnapshot*>{current_.get()}, 1);
    return std::make_shared<const WorkerCanary>(
        WorkerCanary{std::move(served), std::make_shared<const CanaryChoice>(2, rules)});
  }
  // Policies that count what they charge, for the base and the canary.
  void add_charging() {
    add(charge(canary_charged_));
    fresh_.push_back(policies.back());
    policies.pop_back();
    add(charge(base_charged_));
  }
  // A policy that both have, and that knows the caller by a field, after it has waited for `delay`.
  void add_authentication(Milliseconds delay = Milliseconds(0)) {
    add([this, delay](Context& context) {
      if (delay == Milliseconds(0)) return authenticate(context);
      return Decision::suspend(wait(context, delay));
    });
    fresh_.push_back(policies.back());
  }
  // Longer than two policies wait.
  void settle_for_long() {
    for (int i = 0; i < 20; ++i) settle(Milliseconds(5));
  }
  void finish() {
    backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    run_to_end();
  }

  int base_charged_ = 0;
  int canary_charged_ = 0;
  int authenticated_ = 0;
  std::vector<PlacedPolicy> fresh_;

 private:
  static Hook charge(int& count) {
    return [&count](Context& context) {
      if (!context.explains()) ++count;
      return Decision::proceed();
    };
  }
  Decision authenticate(Context& context) {
    ++authenticated_;
    if (context.request.fields.value_of("x-key") != "shop")
      return Decision::refuse(kForbiddenWord, "unauthorized");
    context.caller = {&shop_, {}, nullptr, true};
    context.request.fields.remove("x-key");  // as policies do that hide a credential
    return Decision::proceed();
  }
  Task<Decision> wait(Context& context, Milliseconds delay) {
    co_await sleep_for(context.loop, delay);
    co_return authenticate(context);
  }

  identity::Consumer shop_;
};

constexpr uint32_t kAll = 10'000;

TEST_F(ExchangeCanaryTest, TheCanaryServesWhatItTakes) {
  add_charging();
  build_with_canary({.share = {kAll}, .by = "client"});
  get();
  finish();
  EXPECT_EQ(status, 200);
  EXPECT_EQ(revision, 2u);
  EXPECT_EQ(base_charged_, 0);
  EXPECT_EQ(canary_charged_, 1);
  EXPECT_EQ((*metrics.revision(2))[0]->responses[2].get(), 1u);
  EXPECT_EQ((*current_->snapshot->responses)[0]->responses[2].get(), 0u);
}

TEST_F(ExchangeCanaryTest, TheBaseServesTheRest) {
  add_charging();
  build_with_canary({.share = {0}, .by = "client"});
  get();
  finish();
  EXPECT_EQ(revision, 1u);
  EXPECT_EQ(base_charged_, 1);
  EXPECT_EQ(canary_charged_, 0);
}

TEST_F(ExchangeCanaryTest, TheListenersSettingsLiveUntilTheExchangeEnds) {
  build_with_canary({.share = {kAll}, .by = "client"});
  const std::weak_ptr<const ListenerSettings> of_base = renew_listener_settings();
  get();
  renew_listener_settings();  // as when the canary is promoted
  EXPECT_FALSE(of_base.expired());
  finish();
  EXPECT_EQ(revision, 2u);
  get();
  finish();
  EXPECT_TRUE(of_base.expired());
}

TEST_F(ExchangeCanaryTest, BothShareUpstreamsThatAreTheSame) {
  build_with_canary({.share = {kAll}});
  EXPECT_EQ(canary_->snapshot->upstreams[0], current_->upstreams[0]);
}

TEST_F(ExchangeCanaryTest, ARequestWithoutTheFieldOfTheKeyGetsTheBase) {
  build_with_canary({.share = {kAll}, .by = "{request.header.x-user}"});
  get();
  finish();
  EXPECT_EQ(revision, 1u);
}

TEST_F(ExchangeCanaryTest, ARequestWithTheFieldOfTheKeyGetsTheCanary) {
  build_with_canary({.share = {kAll}, .by = "{request.header.x-user}"});
  begin("GET /a HTTP/1.1\r\nHost: a\r\nx-user: ann\r\n\r\n");
  finish();
  EXPECT_EQ(revision, 2u);
}

TEST_F(ExchangeCanaryTest, NothingIsChargedTwiceWhenTheCallerMustBeKnownFirst) {
  add_charging();
  add_authentication();
  build_with_canary({.share = {kAll}, .by = "consumer"});
  begin("GET /a HTTP/1.1\r\nHost: a\r\nx-key: shop\r\nMax-Forwards: 7\r\n\r\n");
  finish();
  EXPECT_EQ(status, 200);
  EXPECT_EQ(revision, 2u);
  EXPECT_EQ(authenticated_, 2);
  EXPECT_EQ(base_charged_, 0);
  EXPECT_EQ(canary_charged_, 1);
}

TEST_F(ExchangeCanaryTest, ACallerOutsideOfTheShareIsChargedOnceByTheBase) {
  add_charging();
  add_authentication();
  build_with_canary({.share = {0}, .by = "consumer"});
  begin("GET /a HTTP/1.1\r\nHost: a\r\nx-key: shop\r\n\r\n");
  finish();
  EXPECT_EQ(revision, 1u);
  EXPECT_EQ(base_charged_, 1);
  EXPECT_EQ(canary_charged_, 0);
}

TEST_F(ExchangeCanaryTest, ThePreviewChangesNothingOfTheRequest) {
  add_authentication();
  build_with_canary({.share = {kAll}, .by = "consumer"});
  begin("OPTIONS /a HTTP/1.1\r\nHost: a\r\nx-key: shop\r\nMax-Forwards: 7\r\n\r\n");
  finish();
  EXPECT_EQ(revision, 2u);
  // One hop, and not two. The credential is still there for the canary's policy.
  EXPECT_TRUE(has(backends[0]->received, "max-forwards: 6")) << backends[0]->received;
}

TEST_F(ExchangeCanaryTest, ACallerWhomNobodyKnowsGetsTheBase) {
  add_authentication();
  build_with_canary({.share = {kAll}, .by = "consumer"});
  get();
  run_to_end();
  EXPECT_EQ(revision, 1u);
  EXPECT_EQ(status, kForbiddenWord.status);
}

TEST_F(ExchangeCanaryTest, ABodyIsPassedOnWholeWhenItArrivesDuringThePreview) {
  add_authentication(Milliseconds(20));
  build_with_canary({.share = {kAll}, .by = "consumer"});
  post("abc", "defghi", "x-key: shop\r\n");
  client->send("def");
  settle_for_long();
  client->send("ghi");
  settle_for_long();
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nabcdefghi")) << backends[0]->received;
  finish();
  EXPECT_EQ(revision, 2u);
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

TEST_F(ExchangeCanaryTest, APolicyThatReadsTheBodyInThePreviewTakesNoByteOfIt) {
  add_request_holder(100);
  fresh_.push_back(policies.back());
  add_authentication();
  build_with_canary({.share = {kAll}, .by = "consumer"});
  post("abcdef", "", "x-key: shop\r\n");
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nabcdef")) << backends[0]->received;
  finish();
  EXPECT_EQ(revision, 2u);
}

TEST_F(ExchangeCanaryTest, ACanaryThatIsWithdrawnDuringThePreviewServesNothing) {
  add_authentication(Milliseconds(20));
  build_with_canary({.share = {kAll}, .by = "consumer"});
  begin("GET /a HTTP/1.1\r\nHost: a\r\nx-key: shop\r\n\r\n");
  canary_.reset();
  settle_for_long();
  finish();
  EXPECT_EQ(revision, 1u);
}

TEST_F(ExchangeCanaryTest, AClientMayLeaveDuringThePreview) {
  add_authentication(Milliseconds(10'000));
  build_with_canary({.share = {kAll}, .by = "consumer"});
  begin("GET /a HTTP/1.1\r\nHost: a\r\nx-key: shop\r\n\r\n");
  client->reset();
  run_to_end();
  EXPECT_EQ(ended, &telemetry::kEnds.client_closed);
  EXPECT_EQ(log_lines, 1);
  EXPECT_EQ(base_charged_ + canary_charged_, 0);
}

TEST_F(ExchangeCanaryTest, AnExchangeEndsWithTheCanaryWithWhichItHasBegun) {
  build_with_canary({.share = {kAll}});
  get();
  canary_.reset();
  finish();
  EXPECT_EQ(revision, 2u);
}

TEST_F(ExchangeCanaryTest, AStreamOfAnHttp2ConnectionChooses) {
  add_charging();
  add_authentication();
  build_with_canary({.share = {kAll}, .by = "consumer"});
  connect_http2();
  http2_client->send_head({{":method", "POST"},
                           {":scheme", "http"},
                           {":authority", "a"},
                           {":path", "/"},
                           {"content-length", "3"},
                           {"x-key", "shop"}},
                          false);
  settle();
  http2_client->send_body("abc");
  http2_client->finish();
  settle();
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nabc")) << backends[0]->received;
  finish();
  EXPECT_EQ(revision, 2u);
  EXPECT_EQ(base_charged_, 0);
  EXPECT_EQ(canary_charged_, 1);
}

// The field that tells the revision.
class RevisionHeaderTest : public ExchangePolicies {
 protected:
  ~RevisionHeaderTest() override { end(); }
  void build_telling() {
    build();
    auto snapshot = make_snapshot(41, {});
    snapshot->revision_header = "x-revision";
    current_ = std::make_shared<WorkerSnapshot>(
        loop_, std::move(snapshot), std::initializer_list<const WorkerSnapshot*>{current_.get()}, 1);
  }
  size_t told() const {
    size_t count = 0;
    for (size_t at = 0; (at = client->received.find("x-revision:", at)) != std::string::npos; ++at) ++count;
    return count;
  }
};

TEST_F(RevisionHeaderTest, IsOnTheResponseOfATargetInPlaceOfItsOwn) {
  build_telling();
  get();
  backends[0]->send("HTTP/1.1 200 OK\r\nX-Revision: 666\r\nContent-Length: 0\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(has(client->received, "x-revision: 41\r\n")) << client->received;
  EXPECT_EQ(told(), 1u);
  EXPECT_FALSE(has(client->received, "666"));
}

TEST_F(RevisionHeaderTest, IsOnTheAnswersOfTheGateway) {
  build_telling();
  begin("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(has(client->received, "x-revision: 41\r\n")) << client->received;
}

TEST_F(RevisionHeaderTest, IsOnTheAnswerToARequestWithoutSense) {
  build_telling();
  begin("NONSENSE\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(has(client->received, "x-revision: 41\r\n")) << client->received;
}

}  // namespace
}  // namespace portcullis::proxy
