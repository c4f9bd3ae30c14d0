#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/random.h"
#include "runtime/wait_list.h"
#include "upstream/breaker.h"

namespace portcullis::upstream {

// One worker's requests that wait for a connection to an upstream whose limit of connections is reached.
// Requests are served in order of arrival; a worker with more waiting requests gets more connections. On the
// worker's thread, unless stated otherwise.
class ConnectionQueue {
 public:
  // `close_idle` closes one idle connection; false when there is none.
  ConnectionQueue(EventLoop& loop, std::shared_ptr<Breaker> breaker, const BreakerLimits& limits,
                  std::function<bool()> close_idle);
  ~ConnectionQueue();
  ConnectionQueue(const ConnectionQueue&) = delete;
  ConnectionQueue& operator=(const ConnectionQueue&) = delete;

  // Takes the right to open a connection, or nothing when the limit is reached.
  std::optional<Breaker::Slot> take();
  // A request's place in the queue. Enter before checking a last time whether waiting is necessary, so that a
  // connection that becomes free meanwhile is not missed.
  class Place {
   public:
    Place(ConnectionQueue& queue, Breaker::Slot slot) : queue_(queue), slot_(std::move(slot)) {
      queue_.waiting_.fetch_add(1);
    }
    ~Place() { queue_.waiting_.fetch_sub(1); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // co_await: waits until a connection, or the right to open one, may be available. False after the
    // timeout.
    WaitList::Waiter wait(Milliseconds timeout) {
      return queue_.waiters_.wait(timeout, std::exchange(waited_, true));
    }

   private:
    ConnectionQueue& queue_;
    Breaker::Slot slot_;
    bool waited_ = false;
  };
  // Null when the max number of requests wait. Allocates, but only for requests that wait.
  std::unique_ptr<Place> enter();
  // Called when a connection becomes idle, or has room for another stream.
  void freed() { waiters_.wake_one(); }
  // True when an idle connection should be closed, because other workers need its place more.
  bool owes_others();

  // The number of waiting requests. Any thread.
  uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  void post_freed();
  void post_close_idle();

 private:
  // The queue as messages from other threads find it; the pointer is null once the queue is destroyed.
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
