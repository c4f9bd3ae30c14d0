#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/intrusive_list.h"
#include "runtime/event_loop.h"

namespace portcullis {

// A version number that changes on one thread while coroutines on any thread wait for the change: co_await
// signal.wait(...). Unlike a WaitList, a Signal wakes all waiters. Waiters resume on their own loops, a few
// per round, so that a thousand waiters do not block a loop. The signal must outlive its waiters.
class Signal {
 public:
  class Waiter;

  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // The current version. Pass the version that was seen to wait(). Any thread.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Increments the version and wakes all waiters. Memory written before notify() is visible to them. Any
  // thread.
  void notify();
  // co_await: true once the version differs from `seen`, false after `timeout`. On `loop`'s thread.
  Waiter wait(EventLoop& loop, uint64_t seen, Milliseconds timeout);

 private:
  // The waiters on one loop. `waiting` is guarded by the signal's mutex and prevents messages to a loop that
  // has ended; the lists belong to the loop's thread.
  struct Side {
    explicit Side(EventLoop& its_loop) : loop(its_loop) {}
    EventLoop& loop;
    size_t waiting = 0;
    IntrusiveList<Waiter, Waiter> waiters;
    IntrusiveList<Waiter, Waiter> woken;
  };
  static constexpr size_t kAtOnce = 128;
  static void wake(const std::shared_ptr<Side>& side);
  static void resume_some(const std::shared_ptr<Side>& side);

  std::mutex mutex_;
  std::atomic<uint64_t> version_{0};
  std::vector<std::shared_ptr<Side>> sides_;  // one for each loop on which a coroutine has waited
};

// Lives in the waiting coroutine's frame; destroying it ends the wait.
class Signal::Waiter final : public ListNode<Waiter>, private Timer {
 public:
  Waiter(Signal& signal, EventLoop& loop, uint64_t seen, Milliseconds timeout)
      : signal_(signal), loop_(loop), seen_(seen), timeout_(timeout) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { leave(); }

  bool await_ready() const noexcept { return signal_.version() != seen_; }
  bool await_suspend(std::coroutine_handle<> handle);
  bool await_resume() const noexcept { return !timed_out_; }

  // Makes a waiting coroutine time out when the loop next fires its timers.
  void hurry() { loop_.arm(*this, Milliseconds(0)); }

 private:
  friend class Signal;
  void fire() override;
  void leave();
  void resume();

  Signal& signal_;
  EventLoop& loop_;
  uint64_t seen_;
  Milliseconds timeout_;
  std::shared_ptr<Side> side_;  // not null while waiting
  bool timed_out_ = false;
  std::coroutine_handle<> handle_;
};

inline Signal::Waiter Signal::wait(EventLoop& loop, uint64_t seen, Milliseconds timeout) {
  return {*this, loop, seen, timeout};
}

}  // namespace portcullis
