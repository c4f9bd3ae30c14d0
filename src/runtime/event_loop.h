#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/mailbox.h"
#include "runtime/syscalls.h"
#include "runtime/timer_wheel.h"

namespace portcullis {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// A timeout that never expires.
inline constexpr Milliseconds kForever = Milliseconds::max();

// Receives the readiness events of one descriptor, on the loop's thread.
class Watcher {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

// Receives how long the loop spent on one batch of events, which is how long the next events had to wait.
class RoundWatcher {
 public:
  virtual void on_round(std::chrono::microseconds took) = 0;

 protected:
  ~RoundWatcher() = default;
};

class EventLoop;

// A small send that may wait until the current batch of events is handled, so that many sends share one
// system call. Destroying the object withdraws the send.
class Sender : public ListNode<Sender> {
 public:
  virtual SendRequest request() = 0;
  // `result`: the number of bytes sent, or the negated errno.
  virtual void sent(ssize_t result) = 0;

 protected:
  ~Sender() { take_back(); }
  void take_back() {
    unlink();
    if (place_ != nullptr) *place_ = nullptr;
    place_ = nullptr;
  }

 private:
  friend class EventLoop;
  Sender** place_ = nullptr;  // not null while a result is expected
};

// A call that is made once, after the current batch of events. Destroying the object withdraws the call.
class Deferred : public ListNode<Deferred> {
 public:
  virtual void run_deferred() = 0;

 protected:
  ~Deferred() = default;
};

// One thread's loop: descriptors (epoll), timers, and messages from other threads. Everything except post()
// and stop() belongs to the thread that runs it.
class EventLoop {
 public:
  explicit EventLoop(Syscalls& syscalls = Syscalls::kernel());
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(); a stop() that came before run() counts. Returns after the current batch of events is
  // handled. May be called again, and then runs until the next stop().
  void run();
  // Makes run() return. Any thread.
  void stop();
  // Handles one batch of events; waits at most `max` for the first event.
  void run_once(Milliseconds max);

  // Runs `message` on the loop's thread. Messages of one sending thread stay in order. Any thread.
  void post(Mailbox::Message message);

  // Watches `fd` for `events` (EPOLLIN, EPOLLOUT, EPOLLET, ...). False when the kernel refuses (errno says
  // why).
  bool watch(int fd, uint32_t events, Watcher& watcher);
  // Stops watching `fd`; events of the current batch no longer reach the watcher.
  void unwatch(int fd, Watcher& watcher);
  // Like unwatch(), without a system call, for a descriptor that is about to be closed: closing removes it
  // from epoll, unless the descriptor has been duplicated.
  void forget(Watcher& watcher);
  // True while `watcher`'s events are being delivered and `watcher` has not been unwatched meanwhile.
  bool delivering_to(const Watcher& watcher) const { return delivering_ == &watcher; }

  // Calls deferred.run_deferred() once in the next round, after the events that have arrived meanwhile. The
  // next round does not wait for events. For long work that must let other connections have their turn.
  void run_next_round(Deferred& deferred) {
    if (!deferred.linked()) next_round_.push_back(deferred);
  }
  // True when the current batch has taken so long that long work should continue in the next round.
  bool round_is_long() const { return Clock::now() - now_ >= kLongRound; }

  // The time at which the current batch of events was received.
  Clock::time_point now() const { return now_; }

  // Fires `timer` once, after `delay` (rounded up to a millisecond). kForever disarms the timer.
  void arm(Timer& timer, Milliseconds delay);

  // True when other events of this batch are still to be handled, so a send should wait and be combined with
  // the sends that those events cause.
  bool sends_can_wait() const { return next_event_ < event_count_ || !deferred_.empty(); }
  // Makes the send before the loop waits again, and calls sender.sent() with its result.
  void send_later(Sender& sender) { senders_.push_back(sender); }
  // Calls deferred.run_deferred() once before the loop waits again, however often defer() is called until
  // then.
  void defer(Deferred& deferred) {
    if (!deferred.linked()) deferred_.push_back(deferred);
  }

  Syscalls& syscalls() { return syscalls_; }
  // Null when no watcher measures the rounds.
  void set_round_watcher(RoundWatcher* watcher) { round_watcher_ = watcher; }

 private:
  class Waker final : public Watcher {
   public:
    explicit Waker(EventLoop& loop) : loop_(loop) {}
    void on_events(uint32_t events) override;

   private:
    EventLoop& loop_;
  };

  static uint64_t to_ticks(Clock::time_point time) {
    return std::chrono::duration_cast<Milliseconds>(time.time_since_epoch()).count();
  }

  void settle();
  void send_all();

  static constexpr int kBatch = 256;
  static constexpr std::chrono::milliseconds kLongRound{1};

  Syscalls& syscalls_;
  UniqueFd epoll_;
  UniqueFd wake_;
  Waker waker_{*this};
  Mailbox mailbox_;
  std::atomic<bool> stopping_{false};
  Clock::time_point now_;
  TimerWheel timers_;
  std::array<epoll_event, kBatch> events_;
  int event_count_ = 0;
  int next_event_ = 0;
  const Watcher* delivering_ = nullptr;
  IntrusiveList<Deferred, Deferred> deferred_;
  IntrusiveList<Deferred, Deferred> next_round_;
  IntrusiveList<Sender, Sender> senders_;
  std::array<Sender*, kBatch> sending_{};
  std::vector<SendRequest> requests_;
  RoundWatcher* round_watcher_ = nullptr;
};

// The time left until `deadline` in whole milliseconds; 0 after the deadline.
inline Milliseconds time_until(Clock::time_point deadline, const EventLoop& loop) {
  return std::max(std::chrono::ceil<Milliseconds>(deadline - loop.now()), Milliseconds(0));
}

// co_await sleep_for(loop, delay): resumes after `delay`.
class SleepAwaiter final : private Timer {
 public:
  SleepAwaiter(EventLoop& loop, Milliseconds delay) : loop_(loop), delay_(delay) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    loop_.arm(*this, delay_);
  }
  void await_resume() const noexcept {}

 private:
  void fire() override { handle_.resume(); }
  EventLoop& loop_;
  Milliseconds delay_;
  std::coroutine_handle<> handle_;
};

inline SleepAwaiter sleep_for(EventLoop& loop, Milliseconds delay) {
  return {loop, delay};
}

// co_await next_round(loop): resumes in the loop's next round, without waiting for a timer tick.
class NextRoundAwaiter final : private Deferred {
 public:
  explicit NextRoundAwaiter(EventLoop& loop) : loop_(loop) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    loop_.run_next_round(*this);
  }
  void await_resume() const noexcept {}

 private:
  friend class EventLoop;
  void run_deferred() override { handle_.resume(); }
  EventLoop& loop_;
  std::coroutine_handle<> handle_;
};

inline NextRoundAwaiter next_round(EventLoop& loop) {
  return NextRoundAwaiter(loop);
}

}  // namespace portcullis
