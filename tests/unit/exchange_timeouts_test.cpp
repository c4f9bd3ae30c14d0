// How long an exchange waits for its target: `timeouts.response` while and after the request's body is sent,
// and `timeouts.total` at each place where it can end the wait.
#include "exchange_policies.h"
#include "runtime/deadline.h"

namespace portcullis::proxy {
namespace {

class ExchangeTimeoutsTest : public ExchangePolicies {
 protected:
  // Only the timeouts that a test shortens may expire.
  ExchangeTimeoutsTest() {
    for (Milliseconds* const timeout :
         {&settings.timeouts.body, &settings.timeouts.send, &definition->timeouts.connect,
          &definition->timeouts.response, &definition->timeouts.tunnel})
      *timeout = std::chrono::hours(1);
  }

  // Runs the loop for at least this time, as the loop's own timers see it.
  void pass(Milliseconds time) {
    bool has_passed = false;
    const Deadline deadline(loop_, time, [&has_passed] { has_passed = true; });
    while (!has_passed) loop_.run_once(Milliseconds(1));
  }
  // Begins a request, of whose body a part is still to come.
  void begin_upload() {
    post("abc", "de");
    EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nabc"));
  }
};

// ---- The time for a response.

TEST_F(ExchangeTimeoutsTest, AResponseHasNoTimeoutWhileTheRequestIsStillBeingSent) {
  build();
  begin_upload();
  settings.timeouts.body = Milliseconds(1);  // of the body itself, this one is an hour
  definition->timeouts.response = Milliseconds(1);
  backends[0]->send("H");  // the wait for the rest has the timeouts of this moment
  pass(Milliseconds(10));
  ASSERT_FALSE(is_over) << client->received;
  definition->timeouts.response = std::chrono::hours(1);
  client->send("de");
  settle();
  backends[0]->send("TTP/1.1 204 No Content\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 204 ")) << client->received;
}

TEST_F(ExchangeTimeoutsTest, TheTimeForAResponseBeginsAtTheEndOfTheUpload) {
  build();
  begin_upload();
  definition->timeouts.response = Milliseconds(1);
  pass(Milliseconds(10));
  ASSERT_FALSE(is_over) << client->received;
  client->send("de");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.response_timeout);
}

TEST_F(ExchangeTimeoutsTest, TheTimeForAResponseBeginsWhenTheTargetStopsReading) {
  settings.timeouts.send = Milliseconds(1);
  build();
  begin_upload();
  definition->timeouts.response = Milliseconds(1);
  backends[0]->take_no_more_than(0);
  client->send("de");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.response_timeout);
}

TEST_F(ExchangeTimeoutsTest, TheEndOfAnUploadDoesNotShortenTheWaitForABody) {
  build();
  begin_upload();
  answer("abc", "5");
  client->send("de");
  settle();
  pass(Milliseconds(150));  // longer than a wait before the client is watched
  ASSERT_FALSE(is_over) << client->received;
  backends[0]->send("de");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.complete);
}

// ---- The time for all tries together.

TEST_F(ExchangeTimeoutsTest, TheTotalTimeEndsTheSendingOfAHead) {
  definition->timeouts.total = Milliseconds(1);
  build();
  backends[0]->take_no_more_than(0);
  begin("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.total_timeout);
  EXPECT_EQ(status, 504);
  EXPECT_TRUE(backends[0]->was_closed);
}

TEST_F(ExchangeTimeoutsTest, TheTotalTimeEndsTheSendingOfABody) {
  definition->timeouts.total = Milliseconds(1);
  build();
  backends[0]->take_no_more_than(0);
  post("abc");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.total_timeout);
  EXPECT_EQ(status, 504);
}

TEST_F(ExchangeTimeoutsTest, TheTotalTimeEndsTheWaitForAConnection) {
  definition->timeouts.total = Milliseconds(1);
  definition->limits.connections = definition->limits.pending = 1;
  build();
  const std::unique_ptr<upstream::Connection> taken = open[0]->take();
  const auto place = definition->breaker->take(upstream::Load::kConnections, definition->limits);
  get();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.total_timeout);
  EXPECT_EQ(status, 504);
}

TEST_F(ExchangeTimeoutsTest, TheTotalTimeIsNotTheReasonWhenAHeldResponseBreaksOffLater) {
  definition->timeouts.total = Milliseconds(5);
  add(no_decision, [](Context& context) {
    policy::forget_length(context);
    context.response_body.pass_through([&context](std::unique_ptr<http::BodySource> body) {
      return through_letters(context, std::move(body), 2, Case::kUpper);
    });
    return Decision::proceed();
  });
  build();
  // The loop does not run between both, so that the head comes in time.
  begin_at_once("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  answer("", "5");
  pass(Milliseconds(10));
  ASSERT_FALSE(is_over) << client->received;
  backends[0]->finish();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.upstream_closed_early);
  EXPECT_EQ(status, 502);
}

// ---- Which target is ejected for a timeout.

TEST_F(ExchangeTimeoutsTest, ATargetIsNotToBlameForASlowClient) {
  definition->timeouts.total = Milliseconds(1);
  definition->ejection.failures_in_row = 1;
  build();
  begin_upload();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.total_timeout);
  EXPECT_TRUE(open[0]->available());
}

TEST_F(ExchangeTimeoutsTest, ATargetIsToBlameWhenItDoesNotRead) {
  definition->timeouts.total = Milliseconds(1);
  definition->ejection.failures_in_row = 1;
  build();
  backends[0]->take_no_more_than(0);
  post("abc", "de");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.total_timeout);
  EXPECT_FALSE(open[0]->available());
}

TEST_F(ExchangeTimeoutsTest, ATargetIsToBlameWhenItDoesNotAnswer) {
  definition->timeouts.total = Milliseconds(1);
  definition->ejection.failures_in_row = 1;
  build();
  get();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.total_timeout);
  EXPECT_FALSE(open[0]->available());
}

TEST_F(ExchangeTimeoutsTest, ATargetIsNotToBlameForADeadlineThatTheClientHasChosen) {
  definition->ejection.failures_in_row = 1;
  add([](Context& context) {
    context.handling.grpc_error_type = "application/grpc";
    return Decision::proceed();
  });
  build();
  begin(
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\ngrpc-timeout: 1m\r\nContent-Length: "
      "0\r\n\r\n");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.total_timeout);
  EXPECT_TRUE(open[0]->available());
}

}  // namespace
}  // namespace portcullis::proxy
