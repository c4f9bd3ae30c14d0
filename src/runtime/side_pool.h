#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/delivery.h"
#include "runtime/task.h"

namespace portcullis {

// A few threads for work that would block an event loop: password hashing, disk. Stopped before the loops
// that wait for it are destroyed.
class SidePool {
 public:
  // Names a job that was submitted; 0 names none.
  using Ticket = uint64_t;

  // Which jobs find room.
  enum class Room : uint8_t {
    kLimited,  // those that come while fewer than `most_waiting` others wait
    kKept,  // all: for the next job of an owner whose work has been let in and who has no other job waiting
  };

  // Refuses work beyond `most_waiting` jobs, so that a flood cannot pile up. Throws as start_thread().
  SidePool(size_t threads, size_t most_waiting);
  ~SidePool() { stop(); }
  // Finishes the job in hand and forgets the rest.
  void stop();

  // Any thread. 0 when there is no room, or the pool has been stopped.
  Ticket submit(std::function<void()> job, Room room = Room::kLimited);
  // Any thread. Drops the job, with all that it owns, unless a thread has taken it. Nothing happens to one
  // that has ended.
  void withdraw(Ticket ticket);

  // co_await pool.run<T>(loop, work): what `work` returned, or nothing when the pool is full. `work` runs on
  // another thread, and once begun to its end although the waiter is destroyed: it must own what it uses.
  template <typename T>
  Task<std::optional<T>> run(EventLoop& loop, std::function<T()> work);

 private:
  struct Job {
    Ticket ticket = 0;
    std::function<void()> work;
  };
  void serve();

  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // by rising tickets
  Ticket last_ticket_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// A job whose outcome one coroutine of `loop` waits for, and may do without: `co_await job`, once submit()
// has taken it, yields what its work returned, or nothing when it was given up. Work that has not begun by
// the time the job is given up or destroyed is dropped; the token of work in hand then says that it may stop.
// That work may outlive the job, so it must own what it uses. On the loop's thread; the pool outlives it.
template <typename T>
class PoolJob {
 public:
  using Work = std::function<T(const std::stop_token&)>;

  PoolJob(SidePool& pool, EventLoop& loop) : pool_(pool), delivery_(loop) {}
  PoolJob(const PoolJob&) = delete;
  PoolJob& operator=(const PoolJob&) = delete;
  ~PoolJob() { abandon(); }

  // To be called once. False when the pool has no room.
  bool submit(Work work, SidePool::Room room = SidePool::Room::kLimited) {
    ticket_ = pool_.submit([sender = delivery_.sender(), token = stop_.get_token(),
                            its_work = std::move(work)] { sender.deliver(its_work(token)); },
                           room);
    return ticket_ != 0;
  }
  // Ends the wait, with the loop's next messages.
  void give_up() {
    delivery_.sender().deliver(std::nullopt);  // before work that stops has something to deliver
    abandon();
  }

  bool await_ready() const { return delivery_.await_ready(); }
  void await_suspend(std::coroutine_handle<> handle) { delivery_.await_suspend(handle); }
  std::optional<T> await_resume() { return delivery_.await_resume(); }

 private:
  void abandon() {
    if (ticket_ == 0 || delivery_.await_ready()) return;
    stop_.request_stop();
    pool_.withdraw(ticket_);
  }

  SidePool& pool_;
  SidePool::Ticket ticket_ = 0;
  std::stop_source stop_;
  Delivery<std::optional<T>> delivery_;
};

template <typename T>
Task<std::optional<T>> SidePool::run(EventLoop& loop, std::function<T()> work) {
  PoolJob<T> job(*this, loop);
  if (!job.submit([its_work = std::move(work)](const std::stop_token&) { return its_work(); }))
    co_return std::nullopt;
  co_return co_await job;
}

}  // namespace portcullis
