// How the HTTP server of the admin listener and of the demo backend sends its answers, over real sockets.
#include "http_server_world.h"

namespace portcullis::control {
namespace {

TEST_F(HttpServerTest, SendsNoBodyToAHeadRequest) {
  start();
  const auto peer = connect("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  peer->send(kLastGet);
  ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
  EXPECT_TRUE(peer->has("content-length: 5\r\n") && !peer->has("/a::0"));
  EXPECT_TRUE(peer->has("transfer-encoding: chunked\r\n") && !peer->has("nothing"));
  EXPECT_TRUE(peer->ends_with("/last::0"));
  EXPECT_EQ(endless, 0u);
}

TEST_F(HttpServerTest, SendsNoLengthWithoutContent) {
  start();
  const auto peer = connect("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("\r\n\r\n"); }));
  EXPECT_TRUE(peer->received.starts_with("HTTP/1.1 204 ") && !peer->has("content-length"));
}

TEST_F(HttpServerTest, SendsAStreamInChunksAndKeepsTheConnection) {
  start();
  const auto peer = connect("GET /letters HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("0\r\n\r\n"); }));
  EXPECT_TRUE(peer->has("transfer-encoding: chunked\r\n") && !peer->has("content-length"));
  EXPECT_TRUE(peer->ends_with("\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n")) << peer->received;
  peer->send(kLastGet);
  ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
  EXPECT_TRUE(peer->ends_with("/last::0"));
}

TEST_F(HttpServerTest, ServesClientsOfHttp10) {
  start();
  EXPECT_TRUE(all_of("GET /a HTTP/1.0\r\n\r\n").ends_with("/a::0"));
  const std::string streamed = all_of("GET /letters HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(streamed.find("chunked"), std::string::npos);
  EXPECT_TRUE(streamed.find("connection: close\r\n") != std::string::npos &&
              streamed.ends_with("\r\n\r\nabc"));
  const auto kept = connect("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(run(*kept, [&] { return kept->ends_with("/a::0"); }));
  EXPECT_TRUE(kept->has("connection: keep-alive\r\n"));
  kept->send("GET /a HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(run(*kept, [&] { return kept->ended; }));
  EXPECT_EQ(kept->count("/a::0"), 2u);
}

TEST_F(HttpServerTest, NoticesThatTheReaderOfAStreamHasLeft) {
  start();
  const auto peer = connect("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run(*peer, [&] { return peer->has("nothing"); }));
  EXPECT_EQ(endless, 1u);
  peer->leave();
  EXPECT_TRUE(run({}, [&] { return endless == 0; }));
}

TEST_F(HttpServerTest, EndsAStreamThatItsClientDoesNotReceive) {
  limits.stream_timeout = Milliseconds(20);
  start();
  const auto peer = connect("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run({}, [&] { return endless == 1; }));
  EXPECT_TRUE(run({}, [&] { return endless == 0; }));
}

}  // namespace
}  // namespace portcullis::control
