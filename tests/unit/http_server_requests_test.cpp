// How the HTTP server of the admin listener and of the demo backend reads requests, over real sockets.
#include "http_server_world.h"

namespace portcullis::control {
namespace {

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  start();
  const auto peer = connect(kGet);
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("/a::0"); }));
  EXPECT_TRUE(peer->received.starts_with("HTTP/1.1 200 OK\r\ndate: "));
  EXPECT_TRUE(peer->has(
      "\r\ncontent-type: text/x-test\r\ncontent-length: 5\r\ncache-control: no-store\r\nx-own: 1\r\n"));
  EXPECT_FALSE(peer->has("connection:"));
  peer->send(kLastGet);
  ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
  EXPECT_TRUE(peer->has("connection: close\r\n") && peer->ends_with("/last::0"));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTurn) {
  start();
  const std::string chunked = post("Transfer-Encoding: chunked\r\n", "2\r\nxy\r\n0\r\n\r\n");
  const std::string received = all_of(std::string(kGet) + post("Content-Length: 3\r\n", "one") + chunked +
                                      "\r\n" + std::string(kLastGet));
  const size_t first = received.find("/a::0"), second = received.find("/b:one:3");
  const size_t third = received.find("/b:xy:2"), last = received.find("/last::0");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, last);
  EXPECT_NE(last, std::string::npos);
}

TEST_F(HttpServerTest, ReceivesRequestsByteByByte) {
  start();
  const auto peer = connect();
  const std::string all =
      post("Transfer-Encoding: chunked\r\n", "3\r\none\r\n3\r\ntwo\r\n0\r\nx: y\r\n\r\n") +
      post("Content-Length: 5\r\n", "three") + std::string(kLastGet);
  for (const char& byte : all) {
    peer->send({&byte, 1});
    loop.run_once(Milliseconds(0));
  }
  ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
  EXPECT_TRUE(peer->has("/b:onetwo:6") && peer->has("/b:three:5") && peer->has("/last::0")) << peer->received;
}

TEST_F(HttpServerTest, InvitesABodyThatWaitsToBeInvited) {
  start();
  const auto peer = connect(post("Content-Length: 2\r\nExpect: 100-continue\r\n"));
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("HTTP/1.1 100 Continue\r\n\r\n"); }));
  EXPECT_EQ(handled, 0u);
  peer->send("hi");
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("/b:hi:2"); }));
}

TEST_F(HttpServerTest, InvitesNoBodyThatIsOnItsWayOrTooLarge) {
  limits.body_size = 10;
  start();
  const auto sent = connect(post("Content-Length: 2\r\nExpect: 100-continue\r\n", "hi"));
  ASSERT_TRUE(run(*sent, [&] { return sent->ends_with("/b:hi:2"); }));
  EXPECT_FALSE(sent->has("100 Continue"));
  const std::string refused = all_of(post("Content-Length: 11\r\nExpect: 100-continue\r\n"));
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, RefusesABodyAboveItsLimit) {
  limits.body_size = 10;
  start();
  const std::string long_text(4 << 20, 'x');
  for (const std::string& request : {post("Content-Length: 4194304\r\n", long_text),
                                     post("Transfer-Encoding: chunked\r\n", "400000\r\n" + long_text)}) {
    const auto peer = connect();
    size_t sent = 0;
    ASSERT_TRUE(run(*peer, [&] {
      peer->send(std::string_view(request).substr(sent, 4096));
      sent = std::min(sent + 4096, request.size());
      return sent == request.size();
    }));
    peer->finish();
    // The client, which reads only when it has sent all of the body, still receives the answer.
    ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
    EXPECT_FALSE(peer->was_reset);
    EXPECT_TRUE(peer->received.starts_with("HTTP/1.1 413 ") && peer->has("connection: close\r\n"));
  }
  EXPECT_EQ(handled, 0u);
  const auto exact = connect(post("Content-Length: 10\r\n", "0123456789"));
  ASSERT_TRUE(run(*exact, [&] { return exact->ends_with("/b:0123456789:10"); }));
}

TEST_F(HttpServerTest, TakesTheLimitOfABodyFromTheHead) {
  limits.body_size = 4;
  hooks.admit = [](const http::RequestHead& head, const std::string&) {
    return HttpAdmission{.max_body = head.path == "/b" ? 10u : 4u};
  };
  hooks.refuse = [](uint16_t status, const http::RequestHead& head) {
    return ServerAnswer{.status = status, .body = "too much for " + std::string(head.path)};
  };
  start();
  EXPECT_TRUE(all_of(post("Connection: close\r\nContent-Length: 10\r\n", "0123456789"))
                  .ends_with("/b:0123456789:10"));
  const std::string refused = all_of(post("Content-Length: 11\r\n", "0123456789a"));
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
  EXPECT_TRUE(refused.ends_with("too much for /b")) << refused;
}

TEST_F(HttpServerTest, RefusesARequestBeforeItsBody) {
  hooks.admit = [](const http::RequestHead&, const std::string&) {
    return HttpAdmission{.max_body = 100, .refusal = ServerAnswer{.status = 401, .body = "who?"}};
  };
  start();
  // The body never comes.
  const auto peer = connect(post("Content-Length: 50\r\n"));
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("who?"); })) << peer->received;
  EXPECT_TRUE(peer->has("HTTP/1.1 401 ") && peer->has("connection: close"));
  // Without a body the connection can be kept.
  const auto other = connect(kGet);
  ASSERT_TRUE(run(*other, [&] { return other->ends_with("who?"); })) << other->received;
  other->send(kGet);
  EXPECT_TRUE(run(*other, [&] { return other->count("who?") == 2; })) << other->received;
  EXPECT_EQ(handled, 0u);
}

TEST_F(HttpServerTest, BoundsTheMemoryOfAllBodiesTogether) {
  limits.body_size = 100;
  limits.body_total = 120;
  start();
  const std::string large(90, 'x');
  const auto first = connect(post("Content-Length: 100\r\n", large));  // ten bytes are missing
  const auto probe = connect(kGet);
  ASSERT_TRUE(run({first.get(), probe.get()}, [&] { return probe->has("/a::0"); }));
  for (const char* fields : {"Content-Length: 90\r\n", "Transfer-Encoding: chunked\r\n"}) {
    const std::string body = *fields == 'C' ? large : "5a\r\n" + large + "\r\n0\r\n\r\n";
    const std::string refused = all_of(post(fields, body));
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
  }
  first->send("0123456789");
  ASSERT_TRUE(run(*first, [&] { return first->ends_with(":100"); })) << first->received;
  // The memory is free again.
  EXPECT_TRUE(all_of(post("Connection: close\r\nContent-Length: 90\r\n", large)).ends_with(":90"));
}

TEST_F(HttpServerTest, CountsBodiesOfAnySizeWithoutALimit) {
  limits.body_size = 0;
  start();
  const auto peer = connect("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
  const std::string piece(4096, 'x');
  size_t sent = 0;
  ASSERT_TRUE(run(*peer, [&] {
    peer->send(piece);
    return ++sent == 256;
  }));
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("/b::1048576"); })) << peer->received;
}

TEST_F(HttpServerTest, RefusesWhatIsMalformedAndEndsTheConnection) {
  start();
  const std::string many_bytes = "GET / HTTP/1.1\r\nHost: a\r\nx: " + std::string(64 << 10, 'y') + "\r\n\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {"BAD\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"},
      {many_bytes, "431"},
      {"GET /" + std::string(16 << 10, 'y') + " HTTP/1.1\r\nHost: a\r\n\r\n", "414"},
      {post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
      {post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "501"},
      {post("Transfer-Encoding: chunked\r\n", "x\r\n"), "400"},
      {post("Transfer-Encoding: chunked\r\n", "1\r\nab"), "400"},
  };
  for (const auto& [request, status] : cases) {
    const std::string received = all_of(request + std::string(kGet));
    EXPECT_TRUE(received.starts_with("HTTP/1.1 " + status + " ")) << request.substr(0, 80) << received;
    EXPECT_NE(received.find("connection: close\r\n"), std::string::npos);
    EXPECT_EQ(received.find("HTTP/1.1", 8), std::string::npos) << "what follows was taken for a request";
  }
  EXPECT_EQ(handled, 0u);
}

TEST_F(HttpServerTest, EndsASilentConnectionWithoutAWord) {
  limits.head_timeout = Milliseconds(20);
  start();
  EXPECT_EQ(all_of(""), "");
}

TEST_F(HttpServerTest, EndsAnIdleConnection) {
  limits.idle_timeout = Milliseconds(20);
  start();
  const std::string received = all_of(kGet);
  EXPECT_TRUE(received.ends_with("/a::0"));
}

TEST_F(HttpServerTest, RefusesAHeadThatTakesTooLong) {
  limits.head_timeout = Milliseconds(50);
  start();
  const auto peer = connect("GET / HTTP/1.1\r\n");
  // Further bytes do not prolong the timeout.
  ASSERT_TRUE(run(*peer, [&, sent = Clock::now()]() mutable {
    if (Clock::now() - sent > Milliseconds(5)) {
      sent = Clock::now();
      peer->send("x");
    }
    return !peer->received.empty();
  }));
  EXPECT_TRUE(peer->received.starts_with("HTTP/1.1 408 ")) << peer->received;
  const auto second = connect(std::string(kGet) + "GET / HT");
  ASSERT_TRUE(run(*second, [&] { return second->ended; }));
  EXPECT_TRUE(second->has("/a::0") && second->has("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, RefusesABodyThatStops) {
  limits.body_timeout = Milliseconds(20);
  start();
  const std::string received = all_of(post("Content-Length: 5\r\n", "hi"));
  EXPECT_TRUE(received.starts_with("HTTP/1.1 408 ")) << received;
  EXPECT_EQ(handled, 0u);
}

TEST_F(HttpServerTest, HandlesNoRequestWhoseBodyBreaksOff) {
  start();
  for (const std::string& request :
       {post("Content-Length: 5\r\n", "hi"), post("Transfer-Encoding: chunked\r\n", "5\r\nhi")}) {
    const auto peer = connect(request);
    peer->finish();
    ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
    EXPECT_EQ(peer->received, "");
  }
  EXPECT_EQ(handled, 0u);
}

TEST_F(HttpServerTest, AnswersAClientThatHasEndedItsSide) {
  start();
  const auto peer = connect(kGet);
  peer->finish();
  ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
  EXPECT_TRUE(peer->ends_with("/a::0"));
}

}  // namespace
}  // namespace portcullis::control
