#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connecting_sockets.h"
#include "http/h1/server_stream.h"
#include "http2_peer.h"
#include "memory_channel.h"
#include "proxy/client_connection.h"
#include "proxy/exchange.h"
#include "proxy/worker_context.h"

namespace portcullis::proxy {

// All that an exchange needs, without a worker's thread and without a network: a client and targets whose
// bytes a test sends and reads, an event loop that the test runs, and the lines of the access log.
class ExchangeWorld : public ::testing::Test, public WorkerContext {
 protected:
  ExchangeWorld() : WorkerContext(0, std::make_unique<ConnectingSockets>()) {
    logging_ = true;
    definition->name = "backend";
    listener_->settings = {std::shared_ptr<void>(), &settings};  // owned by this object
  }
  ~ExchangeWorld() override { end(); }

  // To be called when `settings`, `definition`, `policies` and `upgrades` are as the test wants them. The
  // upstream gets `targets` targets. If `is_connected`, each has one open connection in its pool, and the
  // test holds the other ends of these.
  void build(size_t targets = 1) {
    for (size_t i = 0; i < targets; ++i) {
      const std::string name = "127.0.0.1:" + std::to_string(i + 1);
      definition->targets.push_back({.name = name,
                                     .place = *SocketAddress::parse(name),
                                     .metrics = std::make_shared<telemetry::TargetShards>(make_shards())});
    }
    auto snapshot = make_snapshot(1, std::move(policies));
    current_ = std::make_shared<WorkerSnapshot>(loop_, std::move(snapshot),
                                                std::initializer_list<const WorkerSnapshot*>{}, 1);
    for (size_t i = 0; i < targets; ++i) {
      upstream::Target* const target = current_->upstreams[0]->pick(i == 0 ? 0 : (uint64_t{1} << i) - 1);
      open.push_back(target);
      if (!is_connected) continue;
      if (target->http2() != nullptr) {
        add_http2_connection(*target);
      } else {
        add_connection(*target);
      }
    }
    settle();
  }
  // A revision with one route to the upstream, which has the route's policies.
  std::shared_ptr<Snapshot> make_snapshot(uint64_t number, std::vector<PlacedPolicy> its) {
    auto snapshot = std::make_shared<Snapshot>(number);
    snapshot->table = std::make_shared<const routing::RouteTable>(
        std::vector{routing::RouteRule{std::make_shared<const routing::Match>()}});
    Route route{.name = "all", .parameters = routing::PathParameters({})};
    route.split = Split({Branch{}}, {});
    route.policies = std::move(its);
    route.upgrades = upgrades;
    route.metrics = metrics.route("all");
    for (const PlacedPolicy& one : route.policies) {
      route.watches_end |= one->watches_end();
      route.marks_answers |= one->marks_every_answer();
    }
    snapshot->routes.add(std::make_shared<const proxy::Route>(std::move(route)));
    snapshot->unrouted.metrics = metrics.route("");
    snapshot->responses = metrics.revision(number);
    snapshot->upstreams.push_back(definition);
    snapshot->consumer_metrics.push_back(metrics.consumer("shop"));  // of the consumer with the index 0
    return snapshot;
  }
  // In place of build(): new exchanges are those of a client of the first listener of `snapshot`, as after a
  // start or a reload with it, and their heads are recorded. Policies must answer them.
  void serve_snapshot(std::shared_ptr<const Snapshot> snapshot) {
    if (!recorded_ || recorded_->bounds() != snapshot->recording->bounds())
      recorded_ = std::make_unique<HeadRing>(snapshot->recording->bounds());
    const ListenerSettings& first = snapshot->listeners.at(0);
    current_ = std::make_shared<WorkerSnapshot>(
        loop_, std::move(snapshot), std::initializer_list<const WorkerSnapshot*>{current_.get()}, 1);
    listener_->settings = {current_, &first};
  }
  // Gives the listener a copy of `settings`, as a reload does, and returns the copy.
  std::shared_ptr<const ListenerSettings> renew_listener_settings() {
    return listener_->settings = std::make_shared<const ListenerSettings>(settings);
  }
  // One more connection in the pool of `target`. Those that are added last are used first.
  std::shared_ptr<MemoryEnd> add_connection(upstream::Target& target) {
    auto connection = std::make_unique<upstream::Connection>(loop_, target);
    backends.push_back(MemoryEnd::join(connection->stream));
    target.give_back(std::move(connection));
    return backends.back();
  }
  // The same on which HTTP/2 is spoken.
  void add_http2_connection(upstream::Target& target) {
    auto connection = std::make_unique<upstream::Http2Connection>(loop_);
    backends.push_back(MemoryEnd::join(connection->socket));
    http2_backends.push_back(std::make_unique<Http2Peer>(loop_, backends.back(),
                                                         http::h2::Session::Side::kServer, http2_settings));
    target.http2()->add(std::move(connection));
  }

  // A client sends `request`, and the exchange begins.
  void begin(std::string_view request) {
    begin_at_once(request);
    settle();
  }
  // The same, without what needs the loop: no timer has fired yet.
  void begin_at_once(std::string_view request) {
    connection_ = make_connection();
    connection_->input.block = Block::take(Block::kMedium);
    client->send(request);
    running_.spawn(serve());
  }
  // A client that speaks HTTP/2 connects. The exchange begins when `http2_client` sends a request.
  void connect_http2() {
    std::unique_ptr<ClientConnection> connection = make_connection();
    http2_client =
        std::make_unique<Http2Peer>(loop_, client, http::h2::Session::Side::kClient, http2_settings);
    running_.spawn(ClientConnection::serve(std::move(connection)));
    settle();
  }
  // Lets everything happen that can happen without the test's doing.
  void settle(Milliseconds max = Milliseconds(0)) {
    for (int i = 0; i < 6; ++i) run_once(i == 0 ? max : Milliseconds(0));
  }
  // Runs the loop until the exchange is over, at most for a while.
  void run_to_end() {
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
    while (!is_over && Clock::now() < deadline) run_once(Milliseconds(10));
    EXPECT_TRUE(is_over);
    if (!http2_client) return;
    settle();  // the connection may end too
    after = client->was_closed ? http::Persistence::kClose : http::Persistence::kKeepAlive;
  }
  // The worker stops: what is suspended is destroyed.
  void end() {
    is_stopped_ = true;
    running_.clear();
    tasks_.clear();
    connection_.reset();
  }

  void log(const telemetry::LogFormat&, const telemetry::AccessEntry& entry) override {
    ended = entry.ended;
    revision = entry.revision;
    status = entry.status;
    tries = entry.tries;
    note = entry.note;
    ++log_lines;
    is_over |= http2_client && !is_stopped_;
  }
  void tell_trace(std::string_view, size_t) override {}
  void spawn(Task<void> task) override { tasks_.spawn(std::move(task)); }
  void note_shed() override {}
  void note_refused_address() override {}
  void connection_ended(Listener&) override {}
  void errand_began() override {}
  void errand_ended() override {}

  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  ListenerSettings settings{};
  std::shared_ptr<upstream::UpstreamDefinition> definition = std::make_shared<upstream::UpstreamDefinition>();
  std::vector<PlacedPolicy> policies{};
  std::vector<std::string> upgrades{};  // protocols that a client may switch to
  bool is_connected = true;
  http::h2::SessionSettings http2_settings{};  // of clients and targets that speak HTTP/2
  telemetry::Registry metrics{1};

  std::shared_ptr<MemoryEnd> client = std::make_shared<MemoryEnd>();
  // The sockets of new connections to targets.
  ConnectingSockets& sockets = static_cast<ConnectingSockets&>(*syscalls_);
  std::unique_ptr<Http2Peer> http2_client{};
  std::vector<upstream::Target*> open{};
  std::vector<std::shared_ptr<MemoryEnd>>
      backends{};  // the other ends of the connections, as they were added
  std::vector<std::unique_ptr<Http2Peer>> http2_backends{};  // those that speak HTTP/2
  bool is_over = false;
  http::Persistence after = http::Persistence::kClose;
  const telemetry::EndReason* ended = nullptr;  // of the last line of the log
  uint64_t revision = 0;
  uint16_t status = 0;
  unsigned tries = 0;
  std::string note{};
  int log_lines = 0;

 private:
  static telemetry::TargetShards make_shards() {
    telemetry::TargetShards out;
    out.push_back(std::make_unique<telemetry::TargetMetrics>());
    return out;
  }
  std::unique_ptr<ClientConnection> make_connection() {
    auto connection = std::make_unique<ClientConnection>(*this, listener_, MemoryEnd::channel_of(client),
                                                         ClientFacts{.peer = "192.0.2.7"});
    client->attach(connection->stream);
    return connection;
  }
  void run_once(Milliseconds max) {
    loop_.run_once(max);
    if (http2_client) http2_client->carry();
    for (const auto& backend : http2_backends) backend->carry();
  }
  Task<void> serve() {
    http::h1::ServerMessageStream message(connection_->stream, connection_->input,
                                          connection_->message_settings());
    {
      const auto exchange = std::make_unique<Exchange>(Client{*connection_, message});
      Task<http::Persistence> running = exchange->run();
      after = co_await running;
    }
    is_over = true;
  }

  std::shared_ptr<Listener> listener_ = std::make_shared<Listener>();
  std::unique_ptr<ClientConnection> connection_;
  TaskGroup tasks_;
  TaskGroup running_;
  bool is_stopped_ = false;
};

}  // namespace portcullis::proxy
