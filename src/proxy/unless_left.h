#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::proxy {

// Runs a task that can be cancelled. co_await returns the result of the task, or nothing after give_up(),
// which destroys the task while it waits. The constructor starts the task. On the loop's thread.
template <typename T>
class UnlessLeft final : private Timer {
 public:
  UnlessLeft(EventLoop& loop, Task<T> task) : loop_(loop) { running_.spawn(run(std::move(task), result_)); }
  UnlessLeft(const UnlessLeft&) = delete;
  UnlessLeft& operator=(const UnlessLeft&) = delete;

  // True when the task has ended.
  bool done() const { return running_.empty(); }
  // Cancels the task. A timer destroys it, because give_up() may be called within an event for which the task
  // waits.
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
  TaskGroup running_;  // destroyed before the members that the task uses
};

}  // namespace portcullis::proxy
