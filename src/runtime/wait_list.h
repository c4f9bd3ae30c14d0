#pragma once

#include <coroutine>

#include "base/intrusive_list.h"
#include "runtime/event_loop.h"

namespace portcullis {

// Those who wait for something to become free, in the order in which they came. One loop's thread.
class WaitList {
 public:
  // co_await list.wait(...): true when it was woken, false when the time was over. Lives in the frame that
  // waits; destroying it gives the place up.
  class Waiter final : public ListNode<Waiter>, private Timer {
   public:
    Waiter(WaitList& list, Milliseconds timeout, bool first)
        : list_(list), timeout_(timeout), first_(first) {}
    // What it was woken for is then the next one's.
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
    // By their timers, because whoever is woken may do anything.
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
  // `first`: before all others, for one who was woken in vain.
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
