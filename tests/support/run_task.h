#pragma once

#include <optional>
#include <utility>

#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::tests {

// Runs `task` on `loop` to its end, and returns its result.
template <typename T>
T run_to_end(EventLoop& loop, Task<T> task) {
  struct Life {
    static Task<void> run(Task<T> its_task, std::optional<T>& out) {
      T value = co_await its_task;
      out.emplace(std::move(value));
    }
  };
  std::optional<T> out;
  TaskGroup running;
  running.spawn(Life::run(std::move(task), out));
  while (!out) loop.run_once(Milliseconds(1'000));
  return std::move(*out);
}

}  // namespace portcullis::tests
