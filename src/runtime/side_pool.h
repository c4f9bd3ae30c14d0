#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/delivery.h"
#include "runtime/task.h"

namespace portcullis {

// A few threads for work that would block an event loop: password hashing, disk. Stopped before the loops
// that wait for it are destroyed.
class SidePool {
 public:
  // Refuses work beyond `most_waiting` jobs, so that a flood cannot pile up. Throws as start_thread().
  SidePool(size_t threads, size_t most_waiting);
  ~SidePool() { stop(); }
  // Finishes the job in hand and forgets the rest.
  void stop();

  // Any thread. False when too much is waiting, or it has been stopped.
  bool submit(std::function<void()> job);

  // co_await pool.run<T>(loop, work): what `work` returned, or nothing when the pool is full. `work` runs on
  // another thread, and to its end although the waiter is destroyed: it must own what it uses.
  template <typename T>
  Task<std::optional<T>> run(EventLoop& loop, std::function<T()> work) {
    Delivery<T> delivery(loop);
    if (!submit([sender = delivery.sender(), work = std::move(work)] { sender.deliver(work()); }))
      co_return std::nullopt;
    co_return co_await delivery;
  }

 private:
  void serve();

  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace portcullis
