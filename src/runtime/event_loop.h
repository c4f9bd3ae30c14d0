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

// Waits without limit.
inline constexpr Milliseconds kForever = Milliseconds::max();

// Receives the readiness events of one descriptor, on the loop's thread.
class Watcher {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

// Told how long the loop was busy with one batch of events, and so kept the next waiting.
class RoundWatcher {
 public:
  virtual void on_round(std::chrono::microseconds took) = 0;

 protected:
  ~RoundWatcher() = default;
};

class EventLoop;

// A small send that may wait until the events in hand have been handled, to be made with others in one call.
// Destroying it takes it back.
class Sender : public ListNode<Sender> {
 public:
  virtual SendRequest request() = 0;
  // `result`: bytes, or the negated errno.
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
  Sender** place_ = nullptr;  // while its result is awaited
};

// Something to be done once, when the events in hand have been handled. Destroying it takes it back.
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

  // Runs until stop(), also one that came before; returns after the events in hand have been handled. May be
  // called again after that, and then runs until the next stop().
  void run();
  // Any thread.
  void stop();
  // Handles one batch of events, waiting at most `longest` for the first.
  void run_once(Milliseconds longest);

  // Runs `message` on the loop's thread, in order per sender. Any thread.
  void post(Mailbox::Message message);

  // Watches `fd` for `events` (EPOLLIN, EPOLLOUT, EPOLLET, ...). False when the kernel refuses (errno says
  // why).
  bool watch(int fd, uint32_t events, Watcher& watcher);
  // Stops watching; no event of the batch in hand reaches the watcher any more.
  void unwatch(int fd, Watcher& watcher);
  // The same without telling the kernel, for a descriptor about to be closed (closing unregisters it, unless
  // the descriptor has been duplicated).
  void forget(Watcher& watcher);
  // True while `watcher`'s events are being delivered and it has not been unwatched meanwhile.
  bool delivering_to(const Watcher& watcher) const { return delivering_ == &watcher; }

  // Calls deferred.run_deferred() once in the next round, which does not wait: after the events that have
  // come meanwhile. For work that goes on and lets others have their turn.
  void run_next_round(Deferred& deferred) {
    if (!deferred.linked()) next_round_.push_back(deferred);
  }
  // The batch in hand has kept others waiting for so long that what goes on should go on in the next round.
  bool round_is_long() const { return Clock::now() - now_ >= kLongRound; }

  // The time at which the batch in hand was received.
  Clock::time_point now() const { return now_; }

  // Fires `timer` once `delay` has passed (rounded up to a millisecond). kForever disarms it.
  void arm(Timer& timer, Milliseconds delay);

  // True when other events are still to be handled, so that what is sent now could be sent together with what
  // they lead to.
  bool sends_can_wait() const { return next_event_ < event_count_ || !deferred_.empty(); }
  // Calls sender.sent() before the loop waits again.
  void send_later(Sender& sender) { senders_.push_back(sender); }
  // Calls deferred.run_deferred() before the loop waits again, once however often this is called until then.
  void defer(Deferred& deferred) {
    if (!deferred.linked()) deferred_.push_back(deferred);
  }

  Syscalls& syscalls() { return syscalls_; }
  // Null: nobody is.
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

// What is left until `deadline`, in whole milliseconds; 0 once it is over.
inline Milliseconds time_until(Clock::time_point deadline, const EventLoop& loop) {
  return std::max(std::chrono::ceil<Milliseconds>(deadline - loop.now()), Milliseconds(0));
}

// co_await sleep_for(loop, delay).
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

// co_await next_round(loop): goes on in the loop's next round. Unlike a sleep it does not wait for a tick.
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
