#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "runtime/event_loop.h"

namespace portcullis {

// Receives one value that another thread sends to a coroutine of `loop`: `co_await delivery` yields the first
// value that was delivered; later values are dropped. The waiting coroutine may be destroyed; a value that
// arrives after that is dropped. The loop must outlive the sender.
template <typename T>
class Delivery {
  struct State {
    explicit State(EventLoop& to) : loop(to) {}
    EventLoop& loop;
    // The members below are used by the loop's thread only.
    std::coroutine_handle<> waiter;
    std::optional<T> value;
  };

 public:
  // The sending end; copies share it. Any thread may call deliver().
  class Sender {
   public:
    explicit Sender(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void deliver(T value) const {
      // The mailbox only accepts copyable messages, so a shared pointer carries the value.
      auto carried = std::make_shared<T>(std::move(value));
      state_->loop.post([state = state_, carried] {
        if (state->value) return;  // an earlier value was delivered
        state->value.emplace(std::move(*carried));
        if (state->waiter) std::exchange(state->waiter, nullptr).resume();
      });
    }

   private:
    std::shared_ptr<State> state_;
  };

  explicit Delivery(EventLoop& loop) : state_(std::make_shared<State>(loop)) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() { state_->waiter = nullptr; }

  Sender sender() const { return Sender(state_); }

  bool await_ready() const { return state_->value.has_value(); }
  void await_suspend(std::coroutine_handle<> handle) { state_->waiter = handle; }
  T await_resume() { return std::move(*state_->value); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace portcullis
