// Policies that change bodies, where something else goes wrong or is unusual at the same time.
#include "exchange_policies.h"

namespace portcullis::proxy {
namespace {

using policy::Context;
using policy::Decision;

// Gives a thousand parts of a thousand bytes each in place of a body, and counts them.
class Flood final : public http::BodyStage {
 public:
  Flood(std::unique_ptr<http::BodySource> from, int& parts) : BodyStage(std::move(from)), parts_(parts) {}
  State next(http::BodyPart& part) override {
    part.runs.add(text_);
    part.size = text_.size();
    part.last = ++parts_ == 1'000;
    return State::kPart;
  }

 private:
  std::string text_ = std::string(1'000, 'x');
  int& parts_;
};

class ExchangeBodiesTest : public ExchangePolicies {
 protected:
  static Task<Decision> sleep_long(Context& context) {
    co_await sleep_for(context.loop, Milliseconds(10'000));
    co_return Decision::proceed();
  }
  // The tries of the only target that have ended so.
  uint64_t tries_that(telemetry::TryResult result) {
    return (*definition->targets[0].metrics)[0]->tries[static_cast<size_t>(result)].get();
  }
};

// ---- The time is over.

TEST_F(ExchangeBodiesTest, PoliciesSeeATimeoutOfAHeldResponseAsTheGatewaysOwnAnswer) {
  definition->timeouts.total = Milliseconds(20);
  add_witness();
  add_holder(100);
  build();
  get();
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
  run_to_end();
  EXPECT_EQ(seen, "gateway 504 ");
}

TEST_F(ExchangeBodiesTest, ATimeoutOfAHeldResponseIsMarked) {
  definition->timeouts.total = Milliseconds(20);
  add_holder(100);
  add(
      no_decision,
      [](Context& context) {
        context.response.fields.set("x-mark", "1");
        return Decision::proceed();
      },
      true);
  build();
  get();
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 504 ")) << client->received;
  EXPECT_TRUE(has(client->received, "x-mark: 1\r\n")) << client->received;
}

TEST_F(ExchangeBodiesTest, ATargetIsNotToBlameWhenAPolicyWaitsForSomethingElse) {
  definition->timeouts.total = Milliseconds(20);
  add(no_decision, [](Context& context) { return Decision::suspend(sleep_long(context)); });
  add_holder(100);
  build();
  get();
  answer("abc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 504 ")) << client->received;
  EXPECT_EQ(tries_that(telemetry::TryResult::kTimedOut), 0u);
  EXPECT_EQ(tries_that(telemetry::TryResult::kAnswered), 1u);
}

// ---- The request's body.

TEST_F(ExchangeBodiesTest, AStageChangesABodyThatIsHeldTwice) {
  std::string second;
  add_request_holder(100);
  add_request_letters(2);
  add_request_holder(100, [&second](Context& context) {
    second = context.request_body.holder->content();
    context.request_body.holder->replace("xyz");
    return Decision::proceed();
  });
  build();
  post("ab");
  EXPECT_EQ(second, "aabb");
  EXPECT_TRUE(has(backends[0]->received, "content-length: 3\r\n")) << backends[0]->received;
  EXPECT_FALSE(has(backends[0]->received, "chunked"));
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nxyz")) << backends[0]->received;
}

TEST_F(ExchangeBodiesTest, ABodyThatAStageRefusesBeforeTheFirstTryIsAnswered) {
  definition->retries = {.attempts = 1, .backoff = Milliseconds(0)};
  add_request_letters(1);
  build();
  post("a!");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
  EXPECT_EQ(ended, &kForbiddenWord);
  EXPECT_EQ(backends[0]->received, "");
}

TEST_F(ExchangeBodiesTest, AStageMakesNoMoreOfAHeldBodyThanItsLimit) {
  int parts = 0;
  add([&parts](Context& context) {
    context.request_body.stages.pass_through_changing([&parts](std::unique_ptr<http::BodySource> body) {
      return std::make_unique<Flood>(std::move(body), parts);
    });
    return Decision::proceed();
  });
  add_request_holder(2'500);
  build();
  post("a");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 413 ")) << client->received;
  EXPECT_EQ(parts, 3);
}

TEST_F(ExchangeBodiesTest, ABodyThatIsReplacedByNothingHasNoLength) {
  add_request_holder(100, [](Context& context) {
    context.request_body.holder->replace("");
    return Decision::proceed();
  });
  build();
  post("abc");
  EXPECT_FALSE(has(backends[0]->received, "content-length: 3")) << backends[0]->received;
  EXPECT_TRUE(has(backends[0]->received, "content-length: 0")) << backends[0]->received;
}

TEST_F(ExchangeBodiesTest, AStageThatHoldsTheHeadLetsAClientContinue) {
  add_request_letters(2);
  build();
  post("", "ab", "Expect: 100-continue\r\n");
  EXPECT_EQ(client->received, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(backends[0]->received, "");
  client->send("ab");
  settle();
  EXPECT_TRUE(has(backends[0]->received, "aabb")) << backends[0]->received;
  EXPECT_FALSE(has(backends[0]->received, "expect")) << backends[0]->received;
}

TEST_F(ExchangeBodiesTest, ATargetIsNotToBlameForABodyThatAPolicyRefuses) {
  definition->ejection.failures_in_row = 1;
  add_request_letters(2);
  build();
  post("ab", "!");
  client->send("!");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
  EXPECT_TRUE(open[0]->available());
}

TEST_F(ExchangeBodiesTest, ATargetIsNotToBlameForABodyThatBreaksOff) {
  definition->ejection.failures_in_row = 1;
  build();
  post("ab", "c");
  client->finish();
  run_to_end();
  EXPECT_TRUE(open[0]->available());
}

TEST_F(ExchangeBodiesTest, ARequestThatAStageRefusesIsNotSentAgain) {
  definition->retries = {.attempts = 1, .backoff = Milliseconds(0)};
  add_request_holder(100);
  add_request_letters(2);
  build(2);
  post("a!");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
  EXPECT_EQ(tries, 1u);
}

// ---- The framing of responses.

TEST_F(ExchangeBodiesTest, AHeldResponseToHeadKeepsItsLength) {
  add_holder(100);
  build();
  begin("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(has(client->received, "content-length: 5\r\n")) << client->received;
}

TEST_F(ExchangeBodiesTest, AResponseToHeadGetsNoBody) {
  add_holder(100, [](Context& context) {
    context.response_body.replace(std::string("other"));
    policy::set_length(context, 5);
    return Decision::proceed();
  });
  build();
  begin("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(has(client->received, "content-length: 5\r\n")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n")) << client->received;
}

TEST_F(ExchangeBodiesTest, AResponseWhoseStatusPermitsNoBodyGetsNone) {
  const Hook change = [](Context& context) {
    context.response.status = 204;
    return Decision::proceed();
  };
  add(no_decision, change);
  build();
  get();
  answer("abc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 204 ")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n")) << client->received;
}

TEST_F(ExchangeBodiesTest, AnAnswerWhoseStatusPermitsNoBodyGetsNone) {
  add(no_decision, [](Context& context) {
    context.response.status = 204;
    return Decision::proceed();
  });
  add([](Context& context) {
    context.response.status = 200;
    return Decision::answer("hello");
  });
  build();
  get();
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 204 ")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n")) << client->received;
}

}  // namespace
}  // namespace portcullis::proxy
