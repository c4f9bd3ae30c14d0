#pragma once

#include <csignal>
#include <functional>

#include "runtime/event_loop.h"

namespace portcullis::control {

// Receives the signals that the gateway handles as events of the control thread's loop. SIGQUIT is received
// by QuitGuard.
class SignalWatch final : private Watcher {
 public:
  // Blocks these signals and SIGQUIT in this thread and in the threads that it starts. They stay pending
  // until a SignalWatch or a QuitGuard receives them.
  static void block();

  // Calls `receive` for each signal. Throws std::system_error when the system allows no further descriptor.
  SignalWatch(EventLoop& loop, std::function<void(int signal)> receive);
  ~SignalWatch();

 private:
  void on_events(uint32_t events) override;

  EventLoop& loop_;
  const std::function<void(int signal)> receive_;
  UniqueFd fd_;
};

}  // namespace portcullis::control
