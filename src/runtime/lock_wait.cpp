#include "runtime/lock_wait.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "runtime/start_thread.h"

namespace portcullis {

LockWait::LockWait(const UniqueFd& file) {
  shared_->file = UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
}

bool LockWait::try_take() {
  return ::flock(shared_->file.get(), LOCK_EX | LOCK_NB) == 0;
}

// Runs on the thread that waits.
void LockWait::take(Shared& shared) {
  int taken = 0;
  do {
    taken = ::flock(shared.file.get(), LOCK_EX);
  } while (taken != 0 && errno == EINTR);
  {
    const std::lock_guard lock(shared.mutex);
    // A lock that comes too late is released here, even if a duplicate of the file is still open.
    if (shared.phase == Phase::kOver && taken == 0) ::flock(shared.file.get(), LOCK_UN);
    if (shared.phase == Phase::kWaiting) shared.phase = taken == 0 ? Phase::kTaken : Phase::kOver;
    shared.file.reset();
  }
  shared.changed.notify_all();
}

void LockWait::begin() {
  start_thread("lock-wait", [shared = shared_] { take(*shared); }).detach();
}

bool LockWait::wait(std::chrono::milliseconds max) {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, max, [this] { return shared_->phase != Phase::kWaiting; });
  if (shared_->phase == Phase::kWaiting) shared_->phase = Phase::kOver;
  return shared_->phase == Phase::kTaken;
}

void LockWait::give_up() {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->phase == Phase::kWaiting) shared_->phase = Phase::kOver;
  }
  shared_->changed.notify_all();
}

}  // namespace portcullis
