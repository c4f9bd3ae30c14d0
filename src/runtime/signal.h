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

// Something that changes on one thread and is waited for on any: co_await signal.wait(...). Unlike a WaitList
// it wakes all. Outlives those who wait, who are resumed on their own loops, a few at a time so that a
// thousand of them do not keep the loop from everything else.
class Signal {
 public:
  class Waiter;

  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Any thread. What it was when somebody looked: whoever waits says what has been seen.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Any thread. Wakes all who wait; what was done before it can be seen by them.
  void notify();
  // co_await: true once the version is another than `seen`, false when the time is over. On `loop`'s thread.
  Waiter wait(EventLoop& loop, uint64_t seen, Milliseconds timeout);

 private:
  // Those who wait on one loop. `waiting` is guarded by the signal's mutex and is what keeps a loop that has
  // gone from being told; the lists are the loop's.
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
  std::vector<std::shared_ptr<Side>> sides_;  // one for each loop that has waited
};

// Lives in the frame that waits; destroying it gives up.
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

  // While it waits: its time is over with the loop's next timers.
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
  std::shared_ptr<Side> side_;  // while it waits
  bool timed_out_ = false;
  std::coroutine_handle<> handle_;
};

inline Signal::Waiter Signal::wait(EventLoop& loop, uint64_t seen, Milliseconds timeout) {
  return {*this, loop, seen, timeout};
}

}  // namespace portcullis
