#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"

namespace portcullis::control {

// Ends the process at SIGQUIT, whatever the other threads do. A thread of its own receives the signal, so
// that the end is delayed neither by a control thread that is loading, waiting or stuck, nor by a thread that
// cannot be joined.
class QuitGuard {
 public:
  // SIGQUIT must be blocked in this thread already (SignalWatch::block()). Throws std::system_error when the
  // system allows no further descriptor or thread.
  QuitGuard();
  // Must be destroyed when the process has ended its work.
  ~QuitGuard();
  QuitGuard(const QuitGuard&) = delete;
  QuitGuard& operator=(const QuitGuard&) = delete;

  // Before this call the process serves nothing, and SIGQUIT ends it at once. From this call on, SIGQUIT
  // calls `stop` on the guard's thread, where it must return quickly, and the process has five seconds to end
  // by itself.
  void set_stop(std::function<void()> stop);
  // After this call `stop` is not called any more, and no call of `stop` is in progress. The process is
  // ending by itself; after a SIGQUIT it has five seconds at most.
  void clear_stop();

 private:
  void run();
  bool wait_for_signal() const;

  UniqueFd signals_;
  UniqueFd over_;  // the destructor writes to it to end the thread
  std::mutex mutex_;
  std::function<void()> stop_;
  bool starting_ = true;
  std::thread thread_;
};

}  // namespace portcullis::control
