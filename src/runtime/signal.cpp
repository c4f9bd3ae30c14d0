#include "runtime/signal.h"

#include <utility>

namespace portcullis {

void Signal::notify() {
  const std::lock_guard lock(mutex_);
  version_.fetch_add(1, std::memory_order_release);
  for (const std::shared_ptr<Side>& side : sides_) {
    if (side->waiting > 0) side->loop.post([side] { wake(side); });
  }
}

void Signal::wake(const std::shared_ptr<Side>& side) {
  // A resumed coroutine may wait again at once. Moving the list first leaves that wait for the next
  // notification.
  side->woken.splice_back(side->waiters);
  resume_some(side);
}

void Signal::resume_some(const std::shared_ptr<Side>& side) {
  for (size_t i = 0; i < kAtOnce && !side->woken.empty(); ++i) side->woken.front().resume();
  if (!side->woken.empty()) side->loop.post([side] { resume_some(side); });
}

bool Signal::Waiter::await_suspend(std::coroutine_handle<> handle) {
  {
    const std::lock_guard lock(signal_.mutex_);
    if (signal_.version() != seen_) return false;
    for (const std::shared_ptr<Side>& side : signal_.sides_) {
      if (&side->loop == &loop_) side_ = side;
    }
    if (!side_) side_ = signal_.sides_.emplace_back(std::make_shared<Side>(loop_));
    ++side_->waiting;
  }
  handle_ = handle;
  side_->waiters.push_back(*this);
  loop_.arm(*this, timeout_);
  return true;
}

void Signal::Waiter::leave() {
  static_cast<ListNode<Waiter>&>(*this).unlink();
  if (!side_) return;
  const std::lock_guard lock(signal_.mutex_);
  --side_->waiting;
  side_.reset();
}

void Signal::Waiter::resume() {
  leave();
  loop_.arm(*this, kForever);
  handle_.resume();
}

void Signal::Waiter::fire() {
  timed_out_ = true;
  leave();
  handle_.resume();
}

}  // namespace portcullis
