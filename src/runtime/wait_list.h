#pragma once

#include <coroutine>

#include "base/intrusive_list.h"
#include "runtime/event_loop.h"

namespace portcullis {

// Coroutines that wait for something to become free, in order of arrival. On one loop's thread.
class WaitList {
 public:
  // co_await list.wait(...): true when woken, false after the timeout. Lives in the waiting coroutine's
  // frame; destroying it gives up the place in the list.
  class Waiter final : public ListNode<Waiter>, private Timer {
   public:
    Waiter(WaitList& list, Milliseconds timeout, bool first)
        : list_(list), timeout_(timeout), first_(first) {}
    // A waiter that is destroyed after it was woken passes the wake-up on to the next waiter.
    ~Waiter() {
      if (woken_ && !resumed_) list_.wake_one();
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      first_ ? list_.waiters_.push_front(*this) : list_.waiters_.push_back(*this);
      list_.loop_.arm(*this, timeout_);
    }
    bool await_resume() const noexcept { return woken_; }

   private:
    friend class WaitList;
    // Waiters resume through their timers, because a resumed coroutine may do anything, including destroying
    // this list.
    void wake() {
      woken_ = true;
      list_.loop_.arm(*this, Milliseconds(0));
    }
    void fire() override {
      static_cast<ListNode<Waiter>&>(*this).unlink();
      resumed_ = true;
      handle_.resume();
    }

    WaitList& list_;
    Milliseconds timeout_;
    bool first_;
    bool woken_ = false;
    bool resumed_ = false;
    std::coroutine_handle<> handle_;
  };

  explicit WaitList(EventLoop& loop) : loop_(loop) {}

  bool empty() const { return waiters_.empty(); }
  // With `first` the waiter is placed before all others: for a coroutine that was woken in vain.
  Waiter wait(Milliseconds timeout, bool first = false) { return {*this, timeout, first}; }
  void wake_one() {
    if (!waiters_.empty()) waiters_.pop_front().wake();
  }
  void wake_all() {
    while (!waiters_.empty()) wake_one();
  }

 private:
  EventLoop& loop_;
  IntrusiveList<Waiter, Waiter> waiters_;
};

}  // namespace portcullis
