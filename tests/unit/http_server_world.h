#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/http_server.h"
#include "http/text_body.h"
#include "runtime/wait_list.h"

namespace portcullis::control {

// A server, whose answers depend on the path of the request, and its clients.
class HttpServerTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  static constexpr std::string_view kLastGet = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

  static std::string post(std::string_view fields, std::string_view body = {}) {
    return "POST /b HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
  }

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
        std::move(greeting), hooks);
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
  HttpHooks hooks;
  EventLoop loop;
  size_t handled = 0;
  size_t endless = 0;
  WaitList late{loop};
  std::optional<HttpServer> server;

 private:
  SocketAddress address_;
};

}  // namespace portcullis::control
