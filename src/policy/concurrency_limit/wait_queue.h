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

// Those of one worker who wait before gates. Each gate lets the flows (consumers, say) in by turns, so that
// one with a thousand requests waits longer than one with one. One thread.
class WaitQueue {
 public:
  class Waiter;

 private:
  struct Flow {
    std::string name;
    IntrusiveList<Waiter, Waiter> waiters;
  };
  // The flows before one gate; the first has the next turn.
  struct Line {
    std::list<Flow> flows;
    // By their names, which may be the clients' choice: there may be as many as there are requests.
    std::map<std::string_view, std::list<Flow>::iterator> by_name;
  };

 public:
  explicit WaitQueue(EventLoop& loop) : loop_(loop) {}

  enum class Outcome { kEntered, kTimedOut };

  // co_await queue.wait(...). Lives in the frame that waits; destroying it gives the place up.
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
    std::list<Flow>::iterator place_{};  // while it is queued
    bool queued_ = false;
    Outcome outcome_ = Outcome::kTimedOut;
    std::coroutine_handle<> handle_;
  };

  // Lets in as many as there is room for; false when that is none.
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
