#include "runtime/event_loop.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace portcullis {

EventLoop::EventLoop(Syscalls& syscalls)
    : syscalls_(syscalls),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      now_(Clock::now()),
      timers_(to_ticks(now_)) {
  requests_.reserve(kBatch);
  if (!epoll_ || !wake_ || !watch(wake_.get(), EPOLLIN, waker_)) {
    throw std::system_error(errno, std::generic_category(), "cannot create an event loop");
  }
}

void EventLoop::run() {
  while (!stopping_.load(std::memory_order_relaxed)) run_once(Milliseconds(60'000));
  // This stop() has taken effect. A stop() that comes before the next run() ends that run().
  stopping_.store(false, std::memory_order_relaxed);
}

void EventLoop::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  post([] {});
}

void EventLoop::run_once(Milliseconds max) {
  // When settle() has left work, the loop must not wait for events.
  const uint64_t ticks = deferred_.empty() && next_round_.empty()
                             ? timers_.ticks_until_next(static_cast<uint64_t>(max.count()))
                             : 0;
  const int count = syscalls_.epoll_wait(epoll_.get(), events_.data(), kBatch,
                                         static_cast<int>(std::min<uint64_t>(ticks, 60'000)));
  now_ = Clock::now();
  // A Deferred that is queued from now on runs in the following round.
  IntrusiveList<Deferred, Deferred> begun;
  begun.splice_back(next_round_);
  event_count_ = std::max(count, 0);  // -1 with EINTR: no events
  for (next_event_ = 0; next_event_ < event_count_;) {
    const epoll_event& event = events_[next_event_++];
    auto* watcher = static_cast<Watcher*>(event.data.ptr);
    if (watcher == nullptr) continue;
    delivering_ = watcher;
    watcher->on_events(event.events);
  }
  delivering_ = nullptr;
  event_count_ = next_event_ = 0;
  settle();
  while (!begun.empty()) begun.pop_front().run_deferred();
  timers_.advance(to_ticks(now_));
  settle();
  if (round_watcher_ != nullptr)
    round_watcher_->on_round(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - now_));
}

// Deferred calls may send, and sends may defer further calls, so this repeats; the number of passes is
// limited so that events get their turn.
void EventLoop::settle() {
  constexpr int kMaxRounds = 16;
  for (int round = 0; round < kMaxRounds && !(deferred_.empty() && senders_.empty()); ++round) {
    IntrusiveList<Deferred, Deferred> in_hand;
    in_hand.splice_back(deferred_);
    while (!in_hand.empty()) in_hand.pop_front().run_deferred();
    send_all();
  }
}

void EventLoop::send_all() {
  while (!senders_.empty()) {
    requests_.clear();
    while (!senders_.empty() && requests_.size() < sending_.size()) {
      Sender& sender = senders_.pop_front();
      Sender*& place = sending_[requests_.size()];
      place = &sender;
      sender.place_ = &place;
      requests_.push_back(sender.request());
    }
    syscalls_.send_many(requests_);
    for (size_t i = 0; i < requests_.size(); ++i) {
      Sender* sender = std::exchange(sending_[i], nullptr);
      if (sender == nullptr) continue;  // an earlier callback has withdrawn this send
      sender->place_ = nullptr;
      sender->sent(requests_[i].result);
    }
  }
}

void EventLoop::post(Mailbox::Message message) {
  if (!mailbox_.put(std::move(message))) return;
  const uint64_t one = 1;
  // The eventfd is non-blocking; its counter cannot overflow because the reader clears it.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::Waker::on_events(uint32_t) {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(loop_.wake_.get(), &count, sizeof count);
  loop_.mailbox_.take_all([](Mailbox::Message& message) { message(); });
}

bool EventLoop::watch(int fd, uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  return syscalls_.epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::unwatch(int fd, Watcher& watcher) {
  epoll_event event{};
  syscalls_.epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &event);
  forget(watcher);
}

void EventLoop::forget(Watcher& watcher) {
  if (delivering_ == &watcher) delivering_ = nullptr;
  for (int i = next_event_; i < event_count_; ++i) {
    if (events_[i].data.ptr == &watcher) events_[i].data.ptr = nullptr;
  }
}

void EventLoop::arm(Timer& timer, Milliseconds delay) {
  if (delay == kForever) {
    timer.unlink();
    return;
  }
  // The current tick has already begun; one more tick makes sure that the whole delay passes.
  timers_.arm(timer, to_ticks(now_) + static_cast<uint64_t>(std::max<int64_t>(delay.count(), 0)) + 1);
}

}  // namespace portcullis
