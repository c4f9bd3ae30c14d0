// Pooled connections that the target has closed before it could get the request.
#include <netinet/in.h>
#include <sys/socket.h>

#include "exchange_policies.h"

namespace portcullis::proxy {
namespace {

// A target's listening socket, with a connection that it has accepted.
class ListeningTarget {
 public:
  ListeningTarget() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port = ntohs(address.sin_port);
  }

  // Takes what has arrived; accepts the connection first.
  void receive() {
    if (!connection_) connection_ = UniqueFd(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK));
    char bytes[4096];
    if (const ssize_t got = ::recv(connection_.get(), bytes, sizeof bytes, 0); got > 0)
      received.append(bytes, static_cast<size_t>(got));
  }
  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(connection_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

  uint16_t port = 0;
  std::string received;

 private:
  UniqueFd socket_;
  UniqueFd connection_;
};

class ExchangeStaleConnectionsTest : public ExchangePolicies {
 protected:
  ExchangeStaleConnectionsTest() { first_port = target.port; }

  // Runs the loop until the target has received `end`, at most for a while.
  void run_until_received(std::string_view end) {
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
    while (!is_over && !target.received.ends_with(end) && Clock::now() < deadline) {
      settle(Milliseconds(5));
      target.receive();
    }
    EXPECT_TRUE(target.received.ends_with(end)) << target.received << client->received;
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

  ListeningTarget target;
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
  target.send("HTTP/1.1 204 No Content\r\n\r\n");
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
  target.send("HTTP/1.1 204 No Content\r\n\r\n");
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
