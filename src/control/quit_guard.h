#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"

namespace portcullis::control {

// Ends the process at SIGQUIT, whatever the other threads do. A thread of its own takes the signal, so that
// neither a control thread that is loading, waiting or stuck nor a thread that cannot be joined holds up the
// end.
class QuitGuard {
 public:
  // SIGQUIT is blocked in this thread already (SignalWatch::block()). Throws std::system_error when the
  // system has no descriptor or no thread left.
  QuitGuard();
  // The process has ended its work.
  ~QuitGuard();
  QuitGuard(const QuitGuard&) = delete;
  QuitGuard& operator=(const QuitGuard&) = delete;

  // Before it is called nothing is in hand, and SIGQUIT ends the process at once. From then on `stop` is
  // called, on the guard's thread and not for long, and the process is given five seconds to end by itself.
  void set_stop(std::function<void()> stop);
  // `stop` is not called any more: the process is ending by itself, in five seconds at most once SIGQUIT has
  // come. When this returns, no call of it is under way.
  void clear_stop();

 private:
  void run();
  bool wait_for_signal() const;

  UniqueFd signals_;
  UniqueFd over_;  // written by the destructor
  std::mutex mutex_;
  std::function<void()> stop_;
  bool starting_ = true;
  std::thread thread_;
};

}  // namespace portcullis::control
