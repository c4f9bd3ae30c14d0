// The HTTP server of the admin listener and of the demo backend, over real sockets.
#include "control/http_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/text_body.h"
#include "runtime/wait_list.h"

namespace portcullis::control {
namespace {

// A client of the server, whose socket does not block.
class Peer {
 public:
  explicit Peer(const SocketAddress& server)
      : socket_(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(::connect(socket_.get(), server.data(), server.length()), 0);
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0) return;
      text.remove_prefix(static_cast<size_t>(count));
    }
  }
  // Ends this side, and goes on receiving.
  void finish() { ::shutdown(socket_.get(), SHUT_WR); }
  void leave() { socket_.reset(); }
  // From now on the client receives nothing.
  void stop_receiving() { receives_ = false; }
  void receive() {
    char piece[16 * 1024];
    while (receives_ && socket_ && !ended) {
      const ssize_t count = ::recv(socket_.get(), piece, sizeof piece, MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) return;
      was_reset = count < 0;
      ended = count <= 0;
      if (count > 0) received.append(piece, static_cast<size_t>(count));
    }
  }
  bool has(std::string_view text) const { return received.find(text) != std::string::npos; }
  size_t count(std::string_view text) const {
    size_t found = 0;
    for (size_t at = 0; (at = received.find(text, at)) != std::string::npos; at += text.size()) ++found;
    return found;
  }
  bool ends_with(std::string_view text) const { return std::string_view(received).ends_with(text); }

  std::string received;
  bool ended = false;  // the server has ended the connection
  bool was_reset = false;

 private:
  UniqueFd socket_;
  bool receives_ = true;
};

// A body that gives a part each time it has been waited for.
class Ticks : public http::BodySource {
 public:
  explicit Ticks(EventLoop& loop) : loop_(loop) {}

  Task<void> wait() final {
    co_await sleep_for(loop_, Milliseconds(1));
    is_due_ = true;
  }
  const http::BodyFailure& failure() const final { return failure_; }

 protected:
  // Makes `text` the next part when the body has been waited for.
  State give(http::BodyPart& part, std::string_view text) {
    if (!std::exchange(is_due_, false)) return State::kWait;
    part.runs.add(text);
    part.size = text.size();
    return State::kPart;
  }

 private:
  EventLoop& loop_;
  bool is_due_ = false;
  http::BodyFailure failure_;
};

// A body of three letters.
class Letters final : public Ticks {
 public:
  using Ticks::Ticks;

  State next(http::BodyPart& part) override {
    part.last = given_ == 3;
    if (part.last) return State::kPart;
    const State state = give(part, std::string_view("abc").substr(given_, 1));
    if (state == State::kPart) ++given_;
    return state;
  }

 private:
  size_t given_ = 0;
};

// A body of events that are all the same, without end. `open` is the number of such bodies.
class Endless final : public Ticks {
 public:
  Endless(EventLoop& loop, size_t& open, std::string event)
      : Ticks(loop), open_(open), event_(std::move(event)) {
    ++open_;
  }
  ~Endless() override { --open_; }

  State next(http::BodyPart& part) override { return give(part, event_); }

 private:
  size_t& open_;
  std::string event_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  // Long enough that only the timeout that a test shortens can pass.
  HttpServerTest() {
    limits.head_timeout = limits.idle_timeout = limits.body_timeout = Milliseconds(60'000);
    limits.send_timeout = limits.stream_timeout = Milliseconds(60'000);
  }
  void start(HttpService::Greeting greeting = {}) {
    auto socket = open_listening_socket(*SocketAddress::parse("127.0.0.1:0"), 128);
    ASSERT_TRUE(socket);
    address_ = SocketAddress::of_socket(socket->get());
    server.emplace(
        loop, std::move(*socket), limits, [this](const ServerRequest& request) { return answer(request); },
        std::move(greeting));
  }
  std::unique_ptr<Peer> connect(std::string_view text = {}) {
    auto peer = std::make_unique<Peer>(address_);
    peer->send(text);
    return peer;
  }
  // Lets everything happen until `done`, or for five seconds.
  bool run(const std::vector<Peer*>& peers, const std::function<bool()>& done) {
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(5);
    while (!done()) {
      if (Clock::now() > deadline) return false;
      loop.run_once(Milliseconds(1));
      for (Peer* peer : peers) peer->receive();
    }
    return true;
  }
  bool run(Peer& peer, const std::function<bool()>& done) { return run(std::vector<Peer*>{&peer}, done); }
  // What a client that sends `text` receives until the server ends the connection.
  std::string all_of(std::string_view text) {
    const auto peer = connect(text);
    EXPECT_TRUE(run(*peer, [&] { return peer->ended; })) << peer->received;
    EXPECT_FALSE(peer->was_reset);
    return peer->received;
  }

  // The answers: by the path of the request.
  Task<ServerAnswer> answer(const ServerRequest& request) {
    ++handled;
    const std::string path(request.head.path);
    ServerAnswer out{.content_type = "text/x-test", .fields = "x-own: 1\r\n"};
    if (path == "/late") co_await late.wait(kForever);
    if (path == "/large") out.body.assign(32 << 20, 'x');
    if (path == "/letters") out.stream = std::make_unique<Letters>(loop);
    if (path == "/endless") out.stream = std::make_unique<Endless>(loop, endless, ": nothing\n\n");
    if (path == "/flood") out.stream = std::make_unique<Endless>(loop, endless, std::string(4 << 20, 'x'));
    if (path == "/nothing") out.status = 204;
    if (out.body.empty() && out.status == 200)
      out.body = path + ":" + std::string(request.body) + ":" + std::to_string(request.body_bytes);
    co_return out;
  }

  HttpLimits limits;
  EventLoop loop;
  size_t handled = 0;
  size_t endless = 0;
  WaitList late{loop};
  std::optional<HttpServer> server;

 private:
  SocketAddress address_;
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kLastGet = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

std::string post(std::string_view fields, std::string_view body = {}) {
  return "POST /b HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

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
