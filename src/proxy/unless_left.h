#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::proxy {

// co_await: what a task yields, or nothing once give_up() has been called: the task is then destroyed where
// it waits, which takes back what it has begun. The task is started at once. On its loop's thread.
template <typename T>
class UnlessLeft final : private Timer {
 public:
  UnlessLeft(EventLoop& loop, Task<T> task) : loop_(loop) { running_.spawn(run(std::move(task), result_)); }
  UnlessLeft(const UnlessLeft&) = delete;
  UnlessLeft& operator=(const UnlessLeft&) = delete;

  // The task has ended, so that nothing is to be waited for.
  bool done() const { return running_.empty(); }
  // Takes effect by a timer, because this may be called within an event that the task itself waits for.
  void give_up() { loop_.arm(*this, Milliseconds(0)); }

  bool await_ready() const { return done(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_ = handle;
    running_.join().await_suspend(handle);
  }
  std::optional<T> await_resume() { return std::move(result_); }

 private:
  static Task<void> run(Task<T> task, std::optional<T>& result) { result.emplace(co_await task); }
  void fire() override {
    running_.clear();
    waiter_.resume();
  }

  EventLoop& loop_;
  std::coroutine_handle<> waiter_;
  std::optional<T> result_;
  TaskGroup running_;  // destroyed before what its task refers to
};

}  // namespace portcullis::proxy
