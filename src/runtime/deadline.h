#pragma once

#include <functional>
#include <utility>

#include "runtime/event_loop.h"

namespace portcullis {

// Calls a function once, when a time is over, unless it is destroyed before that. On the loop's thread.
class Deadline final : private Timer {
 public:
  // `passed` must not resume a coroutine that destroys this object.
  Deadline(EventLoop& loop, Milliseconds time, std::function<void()> passed) : passed_(std::move(passed)) {
    loop.arm(*this, time);
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() = default;

 private:
  void fire() override { passed_(); }

  std::function<void()> passed_;
};

}  // namespace portcullis
