#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace portcullis {

// A queue of messages (functions to run) from any thread to one consumer thread. Lock-free: producers push
// onto a stack; the consumer takes the whole stack and reverses it, so each producer's messages stay in
// order.
class Mailbox {
 public:
  using Message = std::function<void()>;

  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    take_all([](Message&) {});
  }

  // Adds a message. True when the mailbox was empty, so that the consumer must be woken. Any thread.
  bool put(Message message) {
    auto* letter = new Letter{std::move(message), nullptr};
    // Once published, the letter belongs to the consumer, which may free it, so `letter` must not be used
    // afterwards; `below` holds what is needed.
    Letter* below = top_.load(std::memory_order_relaxed);
    do {
      letter->next = below;
    } while (
        !top_.compare_exchange_weak(below, letter, std::memory_order_release, std::memory_order_relaxed));
    return below == nullptr;
  }

  // Calls visit(Message&) for each message in order of arrival. The consumer's thread.
  template <typename Visit>
  void take_all(Visit visit) {
    Letter* newest = top_.exchange(nullptr, std::memory_order_acquire);
    Letter* oldest = nullptr;
    while (newest != nullptr) oldest = std::exchange(newest, std::exchange(newest->next, oldest));
    while (oldest != nullptr) {
      visit(oldest->message);
      delete std::exchange(oldest, oldest->next);
    }
  }

 private:
  struct Letter {
    Message message;
    Letter* next;
  };
  std::atomic<Letter*> top_{nullptr};
};

}  // namespace portcullis
