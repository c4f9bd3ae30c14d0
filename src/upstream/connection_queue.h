#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/random.h"
#include "runtime/wait_list.h"
#include "upstream/breaker.h"

namespace portcullis::upstream {

// One worker's requests that wait for a connection to an upstream that may not have another one. They are
// served in the order in which they came; between workers, those who have more waiting get more. One
// thread's, where nothing else is said.
class ConnectionQueue {
 public:
  // `close_idle` closes one connection that does nothing; false when there is none.
  ConnectionQueue(EventLoop& loop, std::shared_ptr<Breaker> breaker, const BreakerLimits& limits,
                  std::function<bool()> close_idle);
  ~ConnectionQueue();
  ConnectionQueue(const ConnectionQueue&) = delete;
  ConnectionQueue& operator=(const ConnectionQueue&) = delete;

  // The right to open a connection, or nothing.
  std::optional<Breaker::Slot> take();
  // Somebody's place in the queue: from before he looks a last time whether he has to wait, so that nothing
  // becomes free unseen.
  class Place {
   public:
    Place(ConnectionQueue& queue, Breaker::Slot slot) : queue_(queue), slot_(std::move(slot)) {
      queue_.waiting_.fetch_add(1);
    }
    ~Place() { queue_.waiting_.fetch_sub(1); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // co_await: until it is worthwhile to look again, for a connection or for the right to open one. False
    // when the time is over.
    WaitList::Waiter wait(Milliseconds timeout) {
      return queue_.waiters_.wait(timeout, std::exchange(waited_, true));
    }

   private:
    ConnectionQueue& queue_;
    Breaker::Slot slot_;
    bool waited_ = false;
  };
  // Null when as many wait as may. Allocates, but only for those who wait.
  std::unique_ptr<Place> enter();
  // A connection has nothing to do, or has room for one more stream.
  void freed() { waiters_.wake_one(); }
  // Whether a connection that has nothing to do is to be closed, because others need its place more.
  bool owes_others();

  // Any thread.
  uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  void post_freed();
  void post_close_idle();

 private:
  // What other threads' messages find, or do not find any more.
  struct Address {
    ConnectionQueue* queue;
  };

  EventLoop& loop_;
  std::shared_ptr<Breaker> breaker_;
  BreakerLimits limits_;
  std::function<bool()> close_idle_;
  WaitList waiters_;
  std::atomic<uint32_t> waiting_{0};
  Random random_;
  std::shared_ptr<Address> address_;
};

}  // namespace portcullis::upstream
