#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/client.h"

namespace portcullis::redis {

// A Client with a loop of its own, for a thread that may block. The servers' state is not reported: the
// caller gets it with the replies. One thread.
class BlockingClient {
 public:
  explicit BlockingClient(const Settings& settings) : shared_(settings, Shared::Reporting::kOff) {}

  Client& client() { return client_; }
  // Notices what has happened to the connections since the last call.
  void catch_up() { loop_.run_once(Milliseconds(0)); }
  // Runs the task to its end.
  template <typename T>
  T wait(Task<T> task) {
    std::optional<T> result;
    TaskGroup running;
    running.spawn(keep(std::move(task), result));
    while (!result) loop_.run_once(Milliseconds(1'000));
    return std::move(*result);
  }

 private:
  template <typename T>
  static Task<void> keep(Task<T> task, std::optional<T>& result) {
    result.emplace(co_await task);
  }

  EventLoop loop_;
  Shared shared_;
  Client client_{loop_, nullptr, shared_};
};

}  // namespace portcullis::redis
