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

// A few threads for work that would block an event loop, such as password hashing and disk access. Stop the
// pool before the loops that wait for its jobs are destroyed.
class SidePool {
 public:
  // Identifies a submitted job; 0 is no job.
  using Ticket = uint64_t;

  // Which jobs the pool accepts.
  enum class Room : uint8_t {
    kLimited,  // only while fewer than `max_waiting` other jobs wait
    kKept,  // always: for the next job of work that was accepted before, whose owner has no other job waiting
  };

  // How the threads share a core with others: kLow gives way to the workers when both have something to do
  // (setpriority(2), nice 5).
  enum class Priority : uint8_t { kNormal, kLow };

  // Refuses jobs when `max_waiting` jobs wait, which bounds the queue. Throws as start_thread() does.
  SidePool(size_t threads, size_t max_waiting, Priority priority = Priority::kNormal);
  ~SidePool() { stop(); }
  // Finishes the running jobs and drops the waiting ones.
  void stop();

  // Queues a job. Returns 0 when the queue is full or the pool has been stopped. Any thread.
  Ticket submit(std::function<void()> job, Room room = Room::kLimited);
  // Drops a waiting job together with the objects that it owns. Has no effect on a job that is running or has
  // ended. Any thread.
  void withdraw(Ticket ticket);

  // co_await pool.run<T>(loop, work): yields what `work` returned, or nothing when the queue is full. `work`
  // runs on a thread of the pool. Once started it runs to its end even if the waiting coroutine is destroyed,
  // so `work` must own the objects that it uses.
  template <typename T>
  Task<std::optional<T>> run(EventLoop& loop, std::function<T()> work);

 private:
  struct Job {
    Ticket ticket = 0;
    std::function<void()> work;
  };
  void serve();

  const size_t max_waiting_;
  const Priority priority_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // ordered by ticket
  Ticket last_ticket_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// A job whose result a coroutine of `loop` waits for and may give up. After submit(), `co_await job` yields
// what the work returned, or nothing when the job was given up. When the job is given up or destroyed, work
// that has not started is dropped, and the stop token of running work is set. Running work may outlive the
// job, so it must own the objects that it uses. On the loop's thread; the pool must outlive the job.
template <typename T>
class PoolJob {
 public:
  using Work = std::function<T(const std::stop_token&)>;

  PoolJob(SidePool& pool, EventLoop& loop) : pool_(pool), delivery_(loop) {}
  PoolJob(const PoolJob&) = delete;
  PoolJob& operator=(const PoolJob&) = delete;
  ~PoolJob() { abandon(); }

  // Queues the work. False when the pool's queue is full. Call submit() once.
  bool submit(Work work, SidePool::Room room = SidePool::Room::kLimited) {
    ticket_ = pool_.submit([sender = delivery_.sender(), token = stop_.get_token(),
                            its_work = std::move(work)] { sender.deliver(its_work(token)); },
                           room);
    return ticket_ != 0;
  }
  // Ends the wait: the waiting coroutine resumes with the loop's next messages.
  void give_up() {
    // Delivered first, so that a result of the stopping work is dropped.
    delivery_.sender().deliver(std::nullopt);
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
