#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/intrusive_list.h"
#include "runtime/frame_pool.h"

namespace portcullis {

template <typename T>
class Task;
class TaskGroup;

namespace internal {

void note_task_ended(TaskGroup& group) noexcept;

struct RunningTask {};

// The part that the promises of all tasks share: the waiting coroutine, and how the task ends.
//
// A child that finishes before its parent has suspended is resumed by plain return rather than by symmetric
// transfer, so a loop over tasks that never block uses constant stack in every build mode.
class PromiseBase {
 public:
  static void* operator new(size_t size) { return take_frame(size); }
  static void operator delete(void* memory, size_t size) noexcept { give_back_frame(memory, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  // Errors are values here; an exception that reaches a task boundary is a defect.
  void unhandled_exception() noexcept { std::terminate(); }

  std::coroutine_handle<> parent;
  bool finished = false;
  bool parent_suspended = false;
};

template <typename T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object();
  auto final_suspend() noexcept {
    struct FinalAwaiter {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<Promise> self) noexcept {
        Promise& promise = self.promise();
        promise.finished = true;
        if (promise.parent_suspended) promise.parent.resume();
      }
      void await_resume() noexcept {}
    };
    return FinalAwaiter{};
  }
  void return_value(T value) { result.emplace(std::move(value)); }
  T take() { return std::move(*result); }

  std::optional<T> result;
};

template <>
class Promise<void> : public PromiseBase, public ListNode<RunningTask> {
 public:
  Task<void> get_return_object();
  auto final_suspend() noexcept {
    struct FinalAwaiter {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<Promise> self) noexcept {
        Promise& promise = self.promise();
        promise.finished = true;
        if (TaskGroup* owner = promise.group) {
          self.destroy();
          internal::note_task_ended(*owner);
        } else if (promise.parent_suspended) {
          promise.parent.resume();
        }
      }
      void await_resume() noexcept {}
    };
    return FinalAwaiter{};
  }
  void return_void() noexcept {}
  void take() noexcept {}

  TaskGroup* group = nullptr;  // the owner when no coroutine awaits this task
};

}  // namespace internal

// A coroutine that runs when awaited and yields one T. The task owns the frame: destroying a suspended Task
// destroys the frame and every object in it, which cancels the work. Stays on one thread.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  explicit operator bool() const { return static_cast<bool>(handle_); }
  Handle release() { return std::exchange(handle_, nullptr); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> parent) {
    promise_type& promise = handle_.promise();
    promise.parent = parent;
    handle_.resume();
    if (promise.finished) return false;
    promise.parent_suspended = true;
    return true;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

template <typename T>
Task<T> internal::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> internal::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

// Runs tasks that no coroutine awaits, and owns them: tasks that are still suspended when the group is
// destroyed or cleared are destroyed with it, so no frame outlives what it refers to. One thread.
class TaskGroup {
 public:
  TaskGroup() = default;
  ~TaskGroup() { clear(); }

  // Starts the task now; it runs until its first suspension before this returns.
  void spawn(Task<void> task) {
    const auto handle = task.release();
    handle.promise().group = this;
    running_.push_back(handle.promise());
    handle.resume();
  }
  bool empty() const { return running_.empty(); }

  // co_await: waits until every task has ended. One waiter, which may destroy the group when it resumes.
  auto join() {
    struct Awaiter {
      TaskGroup& group;
      bool await_ready() const noexcept { return group.empty(); }
      void await_suspend(std::coroutine_handle<> handle) noexcept { group.joiner_ = handle; }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

  // Destroys the tasks that are still suspended.
  void clear() {
    while (!running_.empty()) {
      std::coroutine_handle<internal::Promise<void>>::from_promise(running_.pop_front()).destroy();
    }
  }

 private:
  friend void internal::note_task_ended(TaskGroup& group) noexcept;

  IntrusiveList<internal::Promise<void>, internal::RunningTask> running_;
  std::coroutine_handle<> joiner_;
};

inline void internal::note_task_ended(TaskGroup& group) noexcept {
  if (group.joiner_ && group.empty()) std::exchange(group.joiner_, nullptr).resume();
}

}  // namespace portcullis
