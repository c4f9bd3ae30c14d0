#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/unique_fd.h"

namespace portcullis {

// Takes the exclusive lock of an open file (flock), and waits for it while another process has the lock. The
// system's wait for a lock cannot be ended early, so a thread of its own waits. When the wait is given up,
// that thread stays behind: it releases the lock as soon as it gets it. The lock belongs to the open file: it
// is held until `file` and all duplicates of it are closed.
class LockWait {
 public:
  // `file` need not outlive this object.
  explicit LockWait(const UniqueFd& file);
  ~LockWait() { give_up(); }
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;

  // Takes the lock if no other process has it. Does not wait.
  bool try_take();
  // Starts the thread that waits for the lock. Call this at most once. Throws as start_thread() does.
  void begin();
  // After begin(): waits until the lock is taken. False when give_up() has been called, when the lock cannot
  // be taken at all, or when `max` is over, which gives up.
  bool wait(std::chrono::milliseconds max = std::chrono::hours(24 * 365));
  // Ends wait(). Any thread.
  void give_up();

 private:
  enum class Phase { kWaiting, kTaken, kOver };
  // What this object shares with the thread, which may outlive it.
  struct Shared {
    UniqueFd file;  // a duplicate; closed by the thread when the wait is over
    std::mutex mutex;
    std::condition_variable changed;
    Phase phase = Phase::kWaiting;
  };
  static void take(Shared& shared);

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace portcullis
