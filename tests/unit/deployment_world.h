#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "control/canary.h"
#include "control/fleet.h"
#include "control/load_config.h"
#include "control/logs.h"
#include "control/name_service.h"
#include "runtime/acceptor.h"

namespace portcullis::control {

// A deployment with two workers that serve on a socket, without the rest of a gateway. The test's thread is
// the control thread: it runs the loop while it waits for something.
class DeploymentWorld : public ::testing::Test {
 protected:
  ~DeploymentWorld() override {
    if (!fleet.empty()) {
      fleet.drain(Milliseconds(0));
      wait_for([this] { return ended_; });
      fleet.join();
    }
    deployment.stop_engines();
  }

  // A configuration with these objects, and with more settings of the node.
  config::Config config(const std::string& objects, const std::string& node = "") const {
    config::Diagnostics diagnostics;
    const std::string text =
        "version: 1\nworkers: 2\nlisteners: [{name: main, address: \"127.0.0.1:" + std::to_string(port_) +
        "\"}]\n" + node + objects;
    auto out = load_config_text(text, "gateway.yaml", diagnostics);
    for (const config::Diagnostic& one : diagnostics.sorted())
      if (one.severity == config::Severity::kError) ADD_FAILURE() << one.to_string();
    return out.value_or(config::Config());
  }
  // Objects whose only route answers with this status.
  static std::string answering(int status) {
    return "routes: [{name: all, match: {path_prefix: /}, policies: [respond: {status: " +
           std::to_string(status) + "}]}]\n";
  }
  void start(config::Config first) {
    deployment.fix_settings(first);
    ASSERT_TRUE(deployment.start_engines(first));
    ASSERT_TRUE(deployment.begin(std::move(first), 1));
    auto sockets = deployment.open_listeners();
    ASSERT_TRUE(sockets);
    fleet.start(deployment.snapshot(), std::move(*sockets), names.known(), deployment.metrics(), logs_,
                [this] { ended_ = true; });
  }
  template <typename Done>
  bool wait_for(Done done) {
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(60);
    while (!done() && Clock::now() < deadline) loop.run_once(Milliseconds(2));
    return done();
  }
  // Runs the loop until the task has its status.
  Status run(Task<Status> task) {
    struct Life {
      static Task<void> live(Task<Status> task, std::optional<Status>& out) { out = co_await task; }
    };
    std::optional<Status> out;
    tasks_.spawn(Life::live(std::move(task), out));
    wait_for([&out] { return out.has_value(); });
    return *out;
  }
  static std::string error_of(const Status& status) { return status ? "" : status.error().message; }

  // Sends one request on a connection of its own, and returns the response. Any thread.
  std::string ask(const std::string& fields) const {
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
      return "no connection";
    const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields + "\r\n";
    if (::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "not sent";
    std::string out;
    char buffer[4096];
    for (ssize_t got; (got = ::recv(client.get(), buffer, sizeof buffer, 0)) > 0;)
      out.append(buffer, static_cast<size_t>(got));
    return out;
  }
  static bool has_status(const std::string& response, int status) {
    return response.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
  }
  static bool is_of(const std::string& response, uint64_t revision) {
    return response.find("x-revision: " + std::to_string(revision) + "\r\n") != std::string::npos;
  }

  EventLoop loop;
  ListenerSet listeners;
  // Destroyed after the objects below, as in the gateway.
  Deployment deployment{loop,
                        fleet,
                        names,
                        listeners,
                        {.change_admin = [](const config::Config&) -> Result<std::function<void()>> {
                           return std::function<void()>([] {});
                         },
                         .closed_files = [] { return ListenerSet::Files::kRemoved; },
                         .on_certificates = [] {}}};
  Fleet fleet{loop};
  NameService names{loop, fleet};
  CanaryControl canary{loop, deployment};

 private:
  static uint16_t free_port() {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof local;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&local), size), 0);
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local), &size), 0);
    return ntohs(local.sin_port);
  }

  const uint16_t port_ = free_port();
  Logs logs_;
  TaskGroup tasks_;
  bool ended_ = false;
};

}  // namespace portcullis::control
