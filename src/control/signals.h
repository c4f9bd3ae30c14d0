#pragma once

#include <csignal>
#include <functional>

#include "runtime/event_loop.h"

namespace portcullis::control {

// The signals that the gateway handles, as events of the control thread's loop; but SIGQUIT, which QuitGuard
// takes.
class SignalWatch final : private Watcher {
 public:
  // From now on they, and SIGQUIT, wait in this thread, and in those that it starts, until a SignalWatch or a
  // QuitGuard takes them.
  static void block();

  // Calls `receive` for each. Throws std::system_error when the system has no descriptor left.
  SignalWatch(EventLoop& loop, std::function<void(int signal)> receive);
  ~SignalWatch();

 private:
  void on_events(uint32_t events) override;

  EventLoop& loop_;
  const std::function<void(int signal)> receive_;
  UniqueFd fd_;
};

}  // namespace portcullis::control
