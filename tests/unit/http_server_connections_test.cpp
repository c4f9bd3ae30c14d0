// Which connections the HTTP server of the admin listener keeps, and which it ends, over real sockets.
#include "http_server_world.h"

namespace portcullis::control {
namespace {

class HttpServerWithOnePlaceTest : public HttpServerTest {
 protected:
  HttpServerWithOnePlaceTest() { limits.connections = 1; }
  // Whether a new connection is answered although `first` has the only place.
  void expect_place_for_another(Peer& first) {
    const auto other = connect(kLastGet);
    EXPECT_TRUE(run({&first, other.get()}, [&] { return other->ended; }));
    EXPECT_TRUE(other->ends_with("/last::0"));
  }
  void expect_no_place_for_another(Peer& first) {
    const auto other = connect(kLastGet);
    EXPECT_TRUE(run({&first, other.get()}, [&] { return other->ended; }));
    EXPECT_EQ(other->received, "");
    EXPECT_FALSE(first.ended);
  }
};

TEST_F(HttpServerWithOnePlaceTest, ReplacesAConnectionThatWaitsForItsClient) {
  start();
  const std::pair<std::string, size_t> cases[] = {
      {"", 0},
      {"GET / HT", 0},
      {post("Content-Length: 9\r\n", "slow"), 0},
      {std::string(kGet), 1},
      {"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", 1},
      {"BAD\r\n\r\n", 0},
  };
  for (const auto& one : cases) {
    const std::string& text = one.first;
    const size_t requests = one.second;
    SCOPED_TRACE(text);
    handled = 0;
    const auto first = connect(text);
    first->stop_receiving();
    ASSERT_TRUE(run({}, [&, rounds = 0]() mutable { return handled == requests && ++rounds > 5; }));
    expect_place_for_another(*first);
  }
}

TEST_F(HttpServerWithOnePlaceTest, KeepsAConnectionWhoseRequestIsInHand) {
  start();
  const auto first = connect("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run(*first, [&] { return handled == 1; }));
  expect_no_place_for_another(*first);
  late.wake_all();
  EXPECT_TRUE(run(*first, [&] { return first->ends_with("/late::0"); }));
}

TEST_F(HttpServerWithOnePlaceTest, KeepsAConnectionThatFollowsAStream) {
  start();
  const auto first = connect("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run(*first, [&] { return first->has("nothing"); }));
  expect_no_place_for_another(*first);
}

TEST_F(HttpServerTest, ReplacesTheConnectionThatHasWaitedLongest) {
  limits.connections = 3;
  start();
  const auto first = connect("GET"), second = connect("GET"), third = connect("GET");
  const auto fourth = connect(kGet);
  ASSERT_TRUE(run({first.get(), fourth.get()}, [&] { return fourth->ends_with("/a::0") && first->ended; }));
  second->send(kGet.substr(3));
  third->send(kGet.substr(3));
  ASSERT_TRUE(run({second.get(), third.get()},
                  [&] { return second->ends_with("/a::0") && third->ends_with("/a::0"); }));
}

TEST_F(HttpServerTest, EndsItsConnectionsWhenItStopsAccepting) {
  start();
  const auto idle = connect(kGet), busy = connect("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto follower = connect("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run({idle.get(), busy.get(), follower.get()},
                  [&] { return handled == 3 && idle->ends_with("/a::0") && follower->has("nothing"); }));
  server->stop_accepting();
  EXPECT_EQ(server->fd(), -1);
  late.wake_all();
  ASSERT_TRUE(run({idle.get(), busy.get()}, [&] { return idle->ended && busy->ended; }));
  EXPECT_TRUE(busy->has("connection: close\r\n") && busy->ends_with("/late::0"));
  EXPECT_FALSE(follower->ended);
}

TEST_F(HttpServerTest, AnswersARequestThatReachesAnIdleConnectionJustAfterItStoppedAccepting) {
  start();
  const auto peer = connect(kGet);
  ASSERT_TRUE(run(*peer, [&] { return peer->ends_with("/a::0"); }));
  server->stop_accepting();
  peer->send(kGet);
  ASSERT_TRUE(run(*peer, [&] { return peer->ended; }));
  EXPECT_EQ(peer->count("/a::0"), 2u);
  EXPECT_EQ(peer->count("connection: close\r\n"), 1u);
}

TEST_F(HttpServerTest, FinishesAnswersThatAreBeingSent) {
  start();
  const auto idle = connect(kGet), busy = connect("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto stuck = connect("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(run({idle.get(), busy.get()}, [&] { return handled == 3 && idle->ends_with("/a::0"); }));
  idle->finish();
  busy->finish();
  stuck->finish();
  late.wake_one();
  server->finish(Milliseconds(100));
  server.reset();
  ASSERT_TRUE(
      run({idle.get(), busy.get(), stuck.get()}, [&] { return idle->ended && busy->ended && stuck->ended; }));
  EXPECT_TRUE(busy->ends_with("/late::0"));
  EXPECT_EQ(stuck->received, "");
}

TEST_F(HttpServerTest, ClosesConnectionsThatFailTheGreeting) {
  bool is_welcome = false;
  start([&is_welcome](Stream&) -> Task<bool> { co_return is_welcome; });
  const auto refused = connect(kGet);
  ASSERT_TRUE(run(*refused, [&] { return refused->ended; }));
  EXPECT_EQ(refused->received, "");
  is_welcome = true;
  EXPECT_TRUE(all_of(kLastGet).ends_with("/last::0"));
}

TEST_F(HttpServerTest, CanBeDestroyedWhileConnectionsAreOpen) {
  start();
  std::vector<std::unique_ptr<Peer>> peers;
  for (const std::string_view text :
       {"", "GET", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhi",
        "GET /late HTTP/1.1\r\nHost: a\r\n\r\n", "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", "BAD\r\n\r\n"})
    peers.push_back(connect(text));
  ASSERT_TRUE(run({}, [&, rounds = 0]() mutable { return handled == 3 && endless == 1 && ++rounds > 5; }));
  server.reset();
  EXPECT_EQ(endless, 0u);
  for (const auto& peer : peers) {
    EXPECT_TRUE(run(*peer, [&] { return peer->ended; }));
  }
}

}  // namespace
}  // namespace portcullis::control
