// Pooled connections that the target has closed before it could get the request.
#include "exchange_policies.h"

namespace portcullis::proxy {
namespace {

class ExchangeStaleConnectionsTest : public ExchangePolicies {
 protected:
  ExchangeStaleConnectionsTest() { sockets.connect_error = 0; }

  // Runs the loop until the target of the new connection has received `end`, at most for a while.
  void run_until_received(std::string_view end) {
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
    while (!is_over && !sockets.received().ends_with(end) && Clock::now() < deadline) settle(Milliseconds(5));
    EXPECT_TRUE(sockets.received().ends_with(end)) << sockets.received() << client->received;
  }

  // A stage that keeps the head back until it has seen four bytes, and then passes all on.
  class WaitsForFour final : public policy::BodyConverter {
   public:
    Step convert(std::string_view data, std::string& out) override {
      held_ += data;
      if (held_.size() >= 4) out += std::exchange(held_, {});
      return Step::kDone;
    }
    Step finish(std::string_view, std::string& out) override {
      out += held_;
      return Step::kDone;
    }
    bool checks_beginning() const override { return true; }

   private:
    std::string held_;
  };
  void add_waiting_stage() {
    add([](Context& context) {
      context.request_body.stages.pass_through([&context](std::unique_ptr<http::BodySource> body) {
        return std::make_unique<policy::ConvertStage>(std::move(body), std::make_unique<WaitsForFour>(),
                                                      context.loop);
      });
      return Decision::proceed();
    });
  }
  void begin_post(std::string_view fields = "") {
    begin("POST /a HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "Content-Length: 6\r\n\r\n");
  }
};

TEST_F(ExchangeStaleConnectionsTest, ARequestWhoseHeadIsHeldIsSentOnAFreshConnection) {
  add_waiting_stage();
  build();
  begin_post();
  EXPECT_EQ(backends[0]->received, "");
  backends[0]->finish();
  settle();
  client->send("abcdef");
  run_until_received("\r\n\r\nabcdef");
  sockets.send("HTTP/1.1 204 No Content\r\n\r\n");
  run_to_end();
  EXPECT_EQ(status, 204);
  EXPECT_EQ(tries, 2u);
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

TEST_F(ExchangeStaleConnectionsTest, WhatAStageHasSeenOfTheBodyIsNotLost) {
  add_waiting_stage();
  build();
  begin_post();
  client->send("ab");
  settle();
  client->send("c");
  settle();
  EXPECT_EQ(backends[0]->received, "");
  backends[0]->reset();
  settle();
  client->send("def");
  run_until_received("\r\n\r\nabcdef");
  sockets.send("HTTP/1.1 204 No Content\r\n\r\n");
  run_to_end();
  EXPECT_EQ(status, 204);
  EXPECT_EQ(tries, 2u);
}

TEST_F(ExchangeStaleConnectionsTest, ARequestOfWhichAPartHasBeenSentIsNotSentAgain) {
  add_waiting_stage();
  build();
  begin_post();
  client->send("abcd");
  settle();
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nabcd"));
  backends[0]->finish();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.upstream_closed_early);
  EXPECT_EQ(tries, 1u);
}

TEST_F(ExchangeStaleConnectionsTest, TheClientIsToldToContinueOnce) {
  add_waiting_stage();
  build();
  begin_post("Expect: 100-continue\r\n");
  EXPECT_EQ(client->received, "HTTP/1.1 100 Continue\r\n\r\n");
  backends[0]->finish();
  settle();
  client->send("abcdef");
  run_until_received("\r\n\r\nabcdef");
  EXPECT_EQ(client->received, "HTTP/1.1 100 Continue\r\n\r\n");
}

}  // namespace
}  // namespace portcullis::proxy
