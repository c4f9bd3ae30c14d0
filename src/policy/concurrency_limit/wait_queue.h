#pragma once

#include <coroutine>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "limits/gate.h"
#include "runtime/event_loop.h"

namespace portcullis::policy::concurrency_limit {

// The requests of one worker that wait before gates. A gate admits its flows (for example consumers) in
// turns, so that a flow with a thousand requests waits longer than a flow with one request. Used by one
// thread.
class WaitQueue {
 public:
  class Waiter;

 private:
  struct Flow {
    std::string name;
    IntrusiveList<Waiter, Waiter> waiters;
  };
  // The flows that wait before one gate; the first flow has the next turn.
  struct Line {
    std::list<Flow> flows;
    // The flows by name. Clients may choose the names, so there may be as many flows as requests.
    std::map<std::string_view, std::list<Flow>::iterator> by_name;
  };

 public:
  explicit WaitQueue(EventLoop& loop) : loop_(loop) {}

  enum class Outcome { kEntered, kTimedOut };

  // Awaiting a Waiter waits for the gate. It lives in the frame of the coroutine that waits; destroying it
  // gives up the place in the queue.
  class Waiter final : public ListNode<Waiter>, private Timer {
   public:
    Waiter(WaitQueue& queue, limits::Gate& gate, std::string flow, Milliseconds patience, uint64_t worker_bit)
        : queue_(queue), gate_(gate), flow_(std::move(flow)), patience_(patience), worker_bit_(worker_bit) {}
    ~Waiter() { withdraw(); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> handle);
    Outcome await_resume() const { return outcome_; }

   private:
    friend class WaitQueue;
    void fire() override;
    void withdraw();

    WaitQueue& queue_;
    limits::Gate& gate_;
    std::string flow_;
    Milliseconds patience_;
    uint64_t worker_bit_;
    std::list<Flow>::iterator place_{};  // valid while this waiter is queued
    bool queued_ = false;
    Outcome outcome_ = Outcome::kTimedOut;
    std::coroutine_handle<> handle_;
  };

  // Lets in as many waiting requests as the gate has room for; false when no request was let in.
  bool wake(limits::Gate& gate);
  bool has_waiters(const limits::Gate& gate) const { return lines_.contains(&gate); }

 private:
  void add(Waiter& waiter);
  void remove(Waiter& waiter);
  Waiter* next(const limits::Gate& gate);

  EventLoop& loop_;
  std::map<const limits::Gate*, Line> lines_;
};

}  // namespace portcullis::policy::concurrency_limit
