#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/event_loop.h"

namespace portcullis {

// Destroys objects on one loop's thread, whichever thread lets go of the last pointer to them: for objects
// that take long to destroy and are shared with threads that must not wait.
class LoopDisposal {
 public:
  // The loop outlives this object.
  explicit LoopDisposal(EventLoop& loop) : state_(std::make_shared<State>(loop)) {}
  ~LoopDisposal() { close(); }
  LoopDisposal(const LoopDisposal&) = delete;
  LoopDisposal& operator=(const LoopDisposal&) = delete;

  // A pointer to the same object. Once it and all of its copies are gone, a message lets go of `object` on
  // the loop's thread. The loop's thread.
  template <typename T>
  std::shared_ptr<T> guard(std::shared_ptr<T> object) const {
    T* const plain = object.get();
    return std::shared_ptr<T>(
        plain, [state = state_, owned = std::move(object)](T*) mutable { state->take(std::move(owned)); });
  }

  // Destroys what waits for the loop; from now on an object is destroyed by the thread that lets it go. For
  // the end, when only the loop's thread is left.
  void close() { state_->close(); }

 private:
  class State : public std::enable_shared_from_this<State> {
   public:
    explicit State(EventLoop& loop) : loop_(loop) {}

    void take(std::shared_ptr<const void> object) {
      const std::lock_guard lock(mutex_);
      if (closed_) return;  // the caller destroys it, after the lock is released
      waiting_.push_back(std::move(object));
      if (waiting_.size() == 1) loop_.post([self = shared_from_this()] { self->clear(); });
    }
    void clear() {
      std::vector<std::shared_ptr<const void>> gone;
      const std::lock_guard lock(mutex_);
      gone.swap(waiting_);
    }
    void close() {
      {
        const std::lock_guard lock(mutex_);
        closed_ = true;
      }
      clear();
    }

   private:
    EventLoop& loop_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<const void>> waiting_;
    bool closed_ = false;
  };

  std::shared_ptr<State> state_;
};

}  // namespace portcullis
