// Policies that suspend a request, in a real worker with a real client.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <future>

#include "proxy/worker.h"

namespace portcullis::proxy {
namespace {

using policy::Context;
using policy::Decision;
using policy::PolicyPointer;

const policy::EndReason kSleptBadly{"slept_badly", 0, "The policy of this test has slept badly."};

std::atomic<int> frames_alive{0};

struct FrameGuard {
  FrameGuard() { ++frames_alive; }
  ~FrameGuard() { --frames_alive; }
};

// Sleeps twice, suspending again in between, and then continues or refuses.
class Sleeper final : public policy::Policy {
 public:
  Sleeper(Milliseconds delay, uint16_t refusal) : delay_(delay), refusal_(refusal) {}
  Decision on_request(Context& context) const override { return Decision::suspend(first(context)); }
  Decision on_response(Context& context) const override {
    context.response.fields.add("x-slept", "yes");
    return Decision::proceed();
  }

 private:
  Task<Decision> first(Context& context) const {
    const FrameGuard guard;
    co_await sleep_for(context.loop, delay_);
    co_return Decision::suspend(second(context));
  }
  Task<Decision> second(Context& context) const {
    const FrameGuard guard;
    co_await sleep_for(context.loop, delay_);
    context.request.fields.set("x-seen", "later");
    co_return refusal_ == 0 ? Decision::proceed() : Decision::refuse_with(refusal_, kSleptBadly);
  }
  Milliseconds delay_;
  uint16_t refusal_;
};

class Answerer final : public policy::Policy {
 public:
  Decision on_request(Context& context) const override {
    context.response.status = 200;
    return Decision::answer(context.request.fields.value_of("x-seen"));
  }
};

class SuspensionTest : public ::testing::Test {
 protected:
  void serve(Milliseconds delay, uint16_t refusal) {
    auto snapshot = std::make_shared<Snapshot>(1);
    snapshot->table = std::make_shared<const routing::RouteTable>(
        std::vector{routing::RouteRule{std::make_shared<const routing::Match>()}});
    snapshot->listeners.push_back({.name = "test",
                                   .address = *SocketAddress::parse("127.0.0.1:0"),
                                   .metrics = metrics.listener("127.0.0.1:0")});
    Route route{.name = "all", .parameters = routing::PathParameters({})};
    route.policies = {
        {std::make_shared<Sleeper>(delay, refusal), "sleeper", metrics.policy("all", "sleeper")},
        {std::make_shared<Answerer>(), "answerer", metrics.policy("all", "answerer")}};
    route.metrics = metrics.route("all");
    snapshot->routes.add(std::make_shared<const proxy::Route>(std::move(route)));
    snapshot->unrouted.metrics = metrics.route("");
    snapshot->responses = metrics.revision(1);
    auto socket = open_listening_socket(snapshot->listeners[0].address, 16);
    ASSERT_TRUE(socket);
    address = SocketAddress::of_socket(socket->get());
    ListenerSockets sockets(1);
    sockets[0].push_back(std::move(*socket));
    worker = std::make_unique<Worker>(0, snapshot, std::move(sockets), KnownTargets(), metrics.worker(0),
                                      nullptr, nullptr, [] {});
  }
  UniqueFd ask(const std::string& request) {
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), address.data(), address.length()), 0);
    EXPECT_EQ(::send(client.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    return client;
  }
  static std::string read_all(const UniqueFd& client) {
    std::string out;
    char buffer[4096];
    for (ssize_t got; (got = ::recv(client.get(), buffer, sizeof buffer, 0)) > 0;)
      out.append(buffer, static_cast<size_t>(got));
    return out;
  }
  void TearDown() override {
    if (worker) worker->drain(Milliseconds(0));
    worker.reset();
    EXPECT_EQ(frames_alive, 0);
  }

  telemetry::Registry metrics{1};
  SocketAddress address;
  std::unique_ptr<Worker> worker;
};

const std::string kRequest = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

TEST_F(SuspensionTest, TheExchangeGoesOnWhenThePolicyHasDecided) {
  serve(Milliseconds(10), 0);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(ask(kRequest));
  for (const UniqueFd& client : clients) {
    const std::string reply = read_all(client);
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 ")) << reply;
    EXPECT_TRUE(reply.ends_with("\r\n\r\nlater")) << reply;
    EXPECT_NE(reply.find("x-slept: yes\r\n"), std::string::npos);
  }
}

TEST_F(SuspensionTest, ALateRefusalIsOne) {
  serve(Milliseconds(1), 403);
  const std::string reply = read_all(ask(kRequest));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 403 ")) << reply;
  EXPECT_NE(reply.find("slept_badly"), std::string::npos);
}

TEST_F(SuspensionTest, PipelinedRequestsWaitTheirTurn) {
  serve(Milliseconds(5), 0);
  const std::string keep = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string reply = read_all(ask(keep + keep + kRequest));
  size_t answers = 0;
  for (size_t at = 0; (at = reply.find("HTTP/1.1 200 ", at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, 3u);
}

TEST_F(SuspensionTest, StoppingDestroysWhatIsSuspended) {
  serve(Milliseconds(60'000), 0);
  const UniqueFd client = ask(kRequest);
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
  while (frames_alive == 0 && Clock::now() < deadline) std::this_thread::yield();
  ASSERT_EQ(frames_alive, 1);  // TearDown() checks that it is destroyed
}

}  // namespace
}  // namespace portcullis::proxy
